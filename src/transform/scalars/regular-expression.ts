// Regular expressions in linear time (RE2), for the part of Postgres's syntax that means the same in both. Source for
// Postgres's: https://www.postgresql.org/docs/current/functions-matching.html#POSIX-SYNTAX-DETAILS

import { RE2JS } from 're2js';

/** A matcher; or, for a pattern that is not compiled, the part of it that is the reason. */
export function compileRegularExpression(pattern: string): ((text: string) => boolean) | string {
  const problem = findProblem(pattern);
  if (problem !== undefined) return problem;
  let compiled: RE2JS;
  try {
    // In Postgres a dot matches a line break too, and $ stands at the very end.
    compiled = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch {
    return 'this regular expression';
  }
  return (text) => compiled.matcher(text).find();
}

/** One token of what both read alike; whatever is not one is refused. */
const TOKEN =
  /(?<group>\((?:\?:)?|\)|\|)|(?<anchor>[\^$])|(?<repeat>(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??)|(?<class>\[\^?\]?(?:[^[\]\\]|\\[\\\]\-^.])*\])|(?<escape>\\[.\\[\](){}*+?|^$/\-"'tnrd])|(?<plain>[^\\[\](){}*+?|^$])/suy;

function findProblem(pattern: string): string | undefined {
  if (pattern.startsWith('***') || pattern.startsWith('(?')) return 'an option at the start of a regular expression';
  let previous = 'start';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < pattern.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(pattern);
    if (!match) return `\`${[...pattern.slice(at)].slice(0, 3).join('')}\` in a regular expression`;
    const kind = Object.entries(match.groups!).find(([, text]) => text !== undefined)![0];
    const opens = match[0] === '(' || match[0] === '(?:' || match[0] === '|';
    if (
      kind === 'repeat' &&
      (previous === 'repeat' || previous === 'start' || previous === 'anchor' || previous === 'open')
    ) {
      return `\`${match[0]}\` after nothing that it could repeat in a regular expression`;
    }
    previous = opens ? 'open' : kind;
  }
  return undefined;
}
