/** Looks into frames without parsing them: a loader only has to know what to do next. */

const TYPE = '{"type":"';

export function typeOf(text: string): string {
  if (text.startsWith(TYPE)) return text.slice(TYPE.length, text.indexOf('"', TYPE.length));
  return (JSON.parse(text) as { type: string }).type;
}

/** The first text field of that name. */
export function textField(text: string, name: string): string {
  const label = `"${name}":"`;
  const from = text.indexOf(label) + label.length;
  if (from < label.length) throw new Error(`no ${name} in ${text}`);
  return text.slice(from, text.indexOf('"', from));
}
