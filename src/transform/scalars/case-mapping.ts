// lower and upper as the server has them, from the table it gave (describe-catalog.ts). Never JavaScript's own: 'ΟΔΟΣ', 'ß', 'İ'
// differ.

import type { CaseFacts, CaseTable } from '../view-facts.ts';
import { dataError } from './scalar-function.ts';

/** Letters that ICU maps by what stands around them: capital sigma, and I and J with accents in Lithuanian. */
const SIGMA = 0x3a3;

export function caseMapping(facts: CaseFacts, which: 'lower' | 'upper'): (text: string) => string {
  const map = readTable(facts[which]);
  const contextual = facts.provider === 'icu' && which === 'lower';
  const ascii = which === 'lower' ? /^[\0-@[-\x7f]*$/ : /^[\0-`{-\x7f]*$/;
  return (text) => {
    if (ascii.test(text)) return text;
    let result = '';
    for (const character of text) {
      const point = character.codePointAt(0)!;
      if (contextual && point === SIGMA)
        return dataError('the lower case of a capital sigma depends on its place in the word');
      result += map.get(point) ?? character;
    }
    return result;
  };
}

function readTable(table: CaseTable): ReadonlyMap<number, string> {
  const map = new Map<number, string>(table.others);
  for (const [first, last, step, distance] of table.runs) {
    for (let point = first; point <= last; point += step) map.set(point, String.fromCodePoint(point + distance));
  }
  return map;
}

/** In the collations C and POSIX only ASCII has case. */
export const lowerAscii = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
export const upperAscii = (text: string): string => text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
