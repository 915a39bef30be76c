// Macros of character cards, as the server resolves them (characters/macros.py): names in place of {{char}} and {{user}}.

const MACRO = /\{\{\s*(char|user)\s*\}\}|<(char|bot|user)>|\{\{\s*\/\/[^{}]*\}\}/giu;

/** The text with names in place of macros and without its comments; in one pass, so that a name is never a macro. */
export function expanded(text: string, char: string, user: string): string {
  return text.replace(MACRO, (_whole, braced?: string, angled?: string) => {
    const macro = (braced ?? angled ?? "").toLowerCase();
    if (!macro) return "";
    return macro === "user" ? user : char;
  });
}
