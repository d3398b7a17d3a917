// Window definitions: order, and the frame's bits as the parser gives them (src/include/nodes/parsenodes.h, FRAMEOPTION_*).

import { numberAt, textAt, treeAt, type Tree } from './parse-tree.ts';
import type { SqlText } from './refusal.ts';
import type { BoundSyntax, FrameSyntax, SortSyntax, Syntax } from './syntax.ts';

const RANGE = 0x2;
const ROWS = 0x4;
const START_UNBOUNDED_PRECEDING = 0x20;
const END_UNBOUNDED_FOLLOWING = 0x100;
const START_CURRENT = 0x200;
const END_CURRENT = 0x400;
const START_PRECEDING = 0x800;
const END_PRECEDING = 0x1000;
const EXCLUDE_CURRENT_ROW = 0x8000;
const EXCLUDE_GROUP = 0x10000;
const EXCLUDE_TIES = 0x20000;

export function parseSort(node: Tree, parse: (tree: Tree) => Syntax, sql: SqlText): SortSyntax {
  const expression = parse(treeAt(node, 'node')!);
  const direction = textAt(node, 'sortby_dir');
  if (direction === 'SORTBY_USING') sql.refuse(expression.at, 'ORDER BY … USING is not compiled', 'Use asc or desc.');
  const descending = direction === 'SORTBY_DESC';
  const nulls = textAt(node, 'sortby_nulls');
  const nullsFirst = nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending);
  return { expression, descending, nullsFirst, at: expression.at };
}

export function parseFrame(window: Tree, parse: (tree: Tree) => Syntax): FrameSyntax {
  const options = numberAt(window, 'frameOptions');
  const offset = (name: string): Syntax => parse(treeAt(window, name)!);
  const start: BoundSyntax =
    options & START_UNBOUNDED_PRECEDING
      ? { kind: 'unbounded_preceding' }
      : options & START_CURRENT
        ? { kind: 'current' }
        : { kind: options & START_PRECEDING ? 'preceding' : 'following', offset: offset('startOffset') };
  const end: BoundSyntax =
    options & END_UNBOUNDED_FOLLOWING
      ? { kind: 'unbounded_following' }
      : options & END_CURRENT
        ? { kind: 'current' }
        : { kind: options & END_PRECEDING ? 'preceding' : 'following', offset: offset('endOffset') };
  return {
    mode: options & ROWS ? 'rows' : options & RANGE ? 'range' : 'groups',
    start,
    end,
    exclude:
      options & EXCLUDE_CURRENT_ROW
        ? 'current_row'
        : options & EXCLUDE_GROUP
          ? 'group'
          : options & EXCLUDE_TIES
            ? 'ties'
            : 'none',
  };
}

/** Canonical text of a window, between its parentheses. */
export function windowText(partitionBy: readonly Syntax[], orderBy: readonly SortSyntax[], frame: FrameSyntax): string {
  const parts: string[] = [];
  if (partitionBy.length > 0) parts.push(`partition by ${partitionBy.map((part) => part.text).join(', ')}`);
  if (orderBy.length > 0) parts.push(`order by ${orderBy.map(sortText).join(', ')}`);
  const exclude = frame.exclude === 'none' ? '' : ` exclude ${frame.exclude.replace('_', ' ')}`;
  parts.push(`${frame.mode} between ${boundText(frame.start)} and ${boundText(frame.end)}${exclude}`);
  return parts.join(' ');
}

export const sortText = (key: SortSyntax): string =>
  `${key.expression.text}${key.descending ? ' desc' : ' asc'} nulls ${key.nullsFirst ? 'first' : 'last'}`;

function boundText(bound: BoundSyntax): string {
  switch (bound.kind) {
    case 'unbounded_preceding':
      return 'unbounded preceding';
    case 'unbounded_following':
      return 'unbounded following';
    case 'current':
      return 'current row';
    case 'preceding':
    case 'following':
      return `${bound.offset.text} ${bound.kind}`;
  }
}
