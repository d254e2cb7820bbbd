/** Reads single fields of a frame without parsing all of it, because the loader must cost less than the server. */

const TYPE = '{"type":"';

/** The type of a frame. */
export function typeOf(text: string): string {
  if (text.startsWith(TYPE)) return text.slice(TYPE.length, text.indexOf('"', TYPE.length));
  return (JSON.parse(text) as { type: string }).type;
}

/** The value of the first text field with this name. */
export function textField(text: string, name: string): string {
  const label = `"${name}":"`;
  const from = text.indexOf(label) + label.length;
  if (from < label.length) throw new Error(`The frame has no field ${name}: ${text}`);
  return text.slice(from, text.indexOf('"', from));
}
