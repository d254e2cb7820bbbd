import type { Logger } from '@duskline/sdk-runtime';
import type { PlayOptions, SlotOffer } from './play-options.js';

/** Carries out the answer to an offer. */
export interface OfferAnswers {
  accept(): void;
  /** @param cause what `onOffer` threw, if it did */
  decline(cause?: unknown): void;
}

/**
 * Asks the application whether to take an offered slot. Without `onOffer` the slot is accepted before this returns. Once
 * `offer.signal` has aborted, the answer has no effect.
 */
export async function askAboutOffer(
  { onOffer, logger }: Pick<PlayOptions, 'onOffer'> & { readonly logger: Logger },
  offer: SlotOffer,
  answers: OfferAnswers,
): Promise<void> {
  const { signal } = offer;
  try {
    const isAccepted = onOffer === undefined || (await onOffer(offer));
    if (signal.aborted) return;
    if (isAccepted) answers.accept();
    else answers.decline();
  } catch (cause) {
    // An application may throw because the offer is gone.
    if (signal.aborted) return;
    logger.error({ error: cause }, 'onOffer threw');
    answers.decline(cause);
  }
}
