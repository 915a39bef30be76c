// Code points: the unit in which positions and lengths of a run count, where JavaScript counts UTF-16 units.

/** How many code points a text has. */
export function countPoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    if (isPair(text, index)) {
      count--;
      index++;
    }
  }
  return count;
}

/** The first `length` code points of a text. */
export function firstPoints(text: string, length: number): string {
  let end = 0;
  for (let left = length; left > 0 && end < text.length; left--) end += isPair(text, end) ? 2 : 1;
  return text.slice(0, end);
}

function isPair(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
}
