// Texts of the user's data as names in `millrace.metrics`: a segment, a class. They are part of its primary key, which takes 2.7 kB.

import { crc32 } from 'node:zlib';

const LONGEST = 200;
const KEPT = 160;

/** The text itself, unless it is empty (which stands for all rows) or long: then its beginning, and what tells it from another. */
export function shownName(text: string): string {
  if (text === '') return '""';
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, KEPT).replace(/[\ud800-\udbff]$/, '')}… ${crc32(text).toString(16).padStart(8, '0')}`;
}
