// The words of the page's language that the program shows; the server puts them into the page (web/strings.py).

export interface Words {
  copy: string;
  copied: string;
  image: string;
  sending: string;
  answered: string;
  resume: string;
  lost: string;
  broken: string;
  notSent: string;
  refused: string;
  overQuota: string;
  signedOut: string;
  signIn: string;
  quota: string;
  quotaUsed: string;
  resets: string;
  yourWords: string;
  proposedBy: string;
  quoteBoard: string;
  notRead: string;
  unreachable: string;
  soundForbidden: string;
  soundUnplayable: string;
  soundLost: string;
  notWrittenDown: string;
  nothingHeard: string;
  microphoneDenied: string;
  microphoneInsecure: string;
  microphoneBusy: string;
  microphoneMissing: string;
  faults: Readonly<Record<string, string>>;
}

/** `{name}` in a sentence, filled in. */
export function fill(sentence: string, values: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
