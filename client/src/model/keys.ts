// What a key means in the composer; pure, so that input methods can be tested without one.

export interface Key {
  key: string;
  keyCode: number;
  isComposing: boolean;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/**
 * Whether this key sends the message: Enter alone, or with Ctrl or Cmd.
 * Never while an input method composes; Safari ends the composition before the key and marks it by code 229.
 */
export function sends(key: Key): boolean {
  if (key.key !== "Enter" || key.isComposing || key.keyCode === 229) return false;
  return !key.shiftKey && !key.altKey;
}
