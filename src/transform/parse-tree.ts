// Reading the JSON tree that libpg-query gives: `{"A_Expr": {...}}`, absent fields for zero values.

export type Tree = { readonly [name: string]: unknown };

export const kindOf = (tree: Tree): string => Object.keys(tree)[0] ?? '';

/** The fields of a node of this kind. Throws when it is of another. */
export function nodeAt(tree: Tree, kind: string): Tree {
  const node = tree[kind];
  if (typeof node !== 'object' || node === null) throw new TypeError(`expected ${kind}, got ${kindOf(tree)}`);
  return node as Tree;
}

export const listAt = (tree: Tree, name: string): readonly Tree[] => (tree[name] as readonly Tree[] | undefined) ?? [];

export const treeAt = (tree: Tree, name: string): Tree | undefined => tree[name] as Tree | undefined;

export const textAt = (tree: Tree, name: string): string => (tree[name] as string | undefined) ?? '';

export const numberAt = (tree: Tree, name: string): number => (tree[name] as number | undefined) ?? 0;

/** `[{"String": {"sval": "pg_catalog"}}, …]` */
export const namesAt = (tree: Tree, name: string): readonly string[] =>
  listAt(tree, name).map((item) => textAt(nodeAt(item, 'String'), 'sval'));
