// Expressions: from the parser's tree to the compiler's.

import { parseFrame, parseSort, windowText } from './parse-window.ts';
import { kindOf, listAt, namesAt, nodeAt, numberAt, textAt, treeAt, type Tree } from './parse-tree.ts';
import type { SqlText } from './refusal.ts';
import type { CallSyntax, QuerySyntax, SortSyntax, Syntax, TypeSyntax, WindowSyntax } from './syntax.ts';
import { quoteIdentifier, quoteLiteral } from '../warehouse/quoting.ts';

const CLOCKS = new Set([
  'now',
  'clock_timestamp',
  'statement_timestamp',
  'transaction_timestamp',
  'timeofday',
  'current_timestamp',
]);
const VOLATILE = new Set(['random', 'nextval', 'currval', 'lastval', 'gen_random_uuid', 'setseed', 'txid_current']);
const OWN_TIME = "Use the row's own time, such as its created_at: what the view gives must depend on its tables alone.";

/** Named windows of a query level, as they stand in its WINDOW clause. */
export type NamedWindows = ReadonlyMap<string, Tree>;

export class ExpressionParser {
  readonly #sql: SqlText;
  readonly #windows: NamedWindows;
  readonly #subquery: ((select: Tree) => QuerySyntax) | undefined;

  constructor(sql: SqlText, windows: NamedWindows, subquery?: (select: Tree) => QuerySyntax) {
    this.#sql = sql;
    this.#windows = windows;
    this.#subquery = subquery;
  }

  parse(tree: Tree): Syntax {
    const kind = kindOf(tree);
    const node = nodeAt(tree, kind);
    const at = numberAt(node, 'location');
    switch (kind) {
      case 'ColumnRef':
        return this.#column(node, at);
      case 'A_Const':
        return this.#constant(node, at);
      case 'TypeCast': {
        const argument = this.parse(treeAt(node, 'arg')!);
        const type = this.#type(treeAt(node, 'typeName')!);
        return { kind: 'cast', at: argument.at, argument, type, text: `(${argument.text})::${type.text}` };
      }
      case 'A_Expr':
        return this.#operator(node, at);
      case 'BoolExpr': {
        const operator = ({ AND_EXPR: 'and', OR_EXPR: 'or', NOT_EXPR: 'not' } as const)[textAt(node, 'boolop')]!;
        const args = listAt(node, 'args').map((arg) => this.parse(arg));
        const text = operator === 'not' ? `(not ${args[0]!.text})` : `(${texts(args, ` ${operator} `)})`;
        return { kind: 'boolean', at, operator, args, text };
      }
      case 'NullTest': {
        const argument = this.parse(treeAt(node, 'arg')!);
        const negated = node['nulltesttype'] === 'IS_NOT_NULL';
        return {
          kind: 'test',
          at,
          test: 'null',
          negated,
          argument,
          text: `(${argument.text} is ${negated ? 'not ' : ''}null)`,
        };
      }
      case 'BooleanTest': {
        const [, not, word] = /^IS_(NOT_)?(\w+)$/.exec(textAt(node, 'booltesttype'))!;
        const argument = this.parse(treeAt(node, 'arg')!);
        const test = word!.toLowerCase() as 'true' | 'false' | 'unknown';
        return {
          kind: 'test',
          at,
          test,
          negated: !!not,
          argument,
          text: `(${argument.text} is ${not ? 'not ' : ''}${test})`,
        };
      }
      case 'CaseExpr':
        return this.#case(node, at);
      case 'CoalesceExpr': {
        const args = listAt(node, 'args').map((arg) => this.parse(arg));
        return { kind: 'coalesce', at, args, text: `coalesce(${texts(args)})` };
      }
      case 'MinMaxExpr': {
        const args = listAt(node, 'args').map((arg) => this.parse(arg));
        const name = node['op'] === 'IS_LEAST' ? 'least' : 'greatest';
        return { kind: name, at, args, text: `${name}(${texts(args)})` };
      }
      case 'CollateClause': {
        const argument = this.parse(treeAt(node, 'arg')!);
        const names = namesAt(node, 'collname');
        const collation = names.at(-1)!;
        return {
          kind: 'collate',
          at,
          argument,
          collation,
          text: `(${argument.text} collate ${names.map(quoteIdentifier).join('.')})`,
        };
      }
      case 'A_ArrayExpr': {
        const elements = listAt(node, 'elements').map((element) => this.parse(element));
        return { kind: 'array', at, elements, text: `array[${texts(elements)}]` };
      }
      case 'FuncCall':
        return this.#call(node, at);
      case 'SubLink':
        return this.#subLink(node, at);
      case 'SQLValueFunction':
        return this.#sql.refuse(at, 'the present moment (or user) is not part of the data', OWN_TIME);
      case 'A_Indirection':
        return this.#sql.refuse(
          at,
          'array elements and fields of composite values are not compiled',
          'Keep the value in a column of its own.',
        );
      case 'ParamRef':
        return this.#sql.refuse(at, 'a parameter has no value here', 'Write the value itself.');
      default:
        return this.#sql.refuse(at, `${kind} is not compiled`, 'Leave it out, or compute it in a column of the table.');
    }
  }

  #column(node: Tree, at: number): Syntax {
    const fields = listAt(node, 'fields');
    if (fields.some((field) => kindOf(field) !== 'String')) {
      this.#sql.refuse(at, 'a whole row is not a value here', 'Name the columns.');
    }
    const names = namesAt(node, 'fields');
    const name = names.at(-1)!;
    const table = names.length > 1 ? names.at(-2) : undefined;
    return { kind: 'column', at, table, name, text: names.slice(-2).map(quoteIdentifier).join('.') };
  }

  #constant(node: Tree, at: number): Syntax {
    if (node['isnull']) return { kind: 'constant', at, constant: 'null', value: '', text: 'null' };
    const integer = treeAt(node, 'ival');
    if (integer) {
      const value = String(numberAt(integer, 'ival'));
      return { kind: 'constant', at, constant: 'integer', value, text: value };
    }
    const decimal = treeAt(node, 'fval');
    if (decimal)
      return {
        kind: 'constant',
        at,
        constant: 'decimal',
        value: textAt(decimal, 'fval'),
        text: textAt(decimal, 'fval'),
      };
    const boolean = treeAt(node, 'boolval');
    if (boolean) {
      const value = boolean['boolval'] === true ? 'true' : 'false';
      return { kind: 'constant', at, constant: 'boolean', value, text: value };
    }
    const string = treeAt(node, 'sval');
    if (string)
      return {
        kind: 'constant',
        at,
        constant: 'string',
        value: textAt(string, 'sval'),
        text: quoteLiteral(textAt(string, 'sval')),
      };
    return this.#sql.refuse(at, 'bit strings are not compiled', 'Use an integer.');
  }

  #type(node: Tree): TypeSyntax {
    const names = namesAt(node, 'names');
    const at = numberAt(node, 'location');
    const schema = names.length > 1 ? names[0] : undefined;
    const name = names.at(-1)!;
    const modifiers = listAt(node, 'typmods').map((item) => {
      const value = (item['A_Const'] as Tree | undefined)?.['ival'] as Tree | undefined;
      const negative = item['A_Expr'] as Tree | undefined;
      if (!value && !negative) this.#sql.refuse(at, 'this type modifier is not compiled', 'Use a plain number.');
      return value
        ? numberAt(value, 'ival')
        : -numberAt(((negative!['rexpr'] as Tree)['A_Const'] as Tree)['ival'] as Tree, 'ival');
    });
    const array = listAt(node, 'arrayBounds').length > 0;
    const shown = names.map(quoteIdentifier).join('.');
    const arguments_ = modifiers.length > 0 && name !== 'interval' ? `(${modifiers.join(',')})` : '';
    return { name, schema, modifiers, array, at, text: `${shown}${arguments_}${array ? '[]' : ''}` };
  }

  #operator(node: Tree, at: number): Syntax {
    const name = namesAt(node, 'name').at(-1)!;
    const schema = namesAt(node, 'name').length > 1 ? namesAt(node, 'name')[0] : undefined;
    if (schema !== undefined && schema !== 'pg_catalog') {
      this.#sql.refuse(
        at,
        `operator ${schema}.${name} is not part of Postgres itself`,
        'Write it with built-in operators.',
      );
    }
    const leftTree = treeAt(node, 'lexpr');
    const left = leftTree && this.parse(leftTree);
    const rightTree = node['rexpr'] as Tree;
    const kind = textAt(node, 'kind');
    switch (kind) {
      case 'AEXPR_OP':
      case 'AEXPR_LIKE':
      case 'AEXPR_ILIKE':
        return operation(name, left, this.parse(rightTree), at);
      case 'AEXPR_OP_ANY':
      case 'AEXPR_OP_ALL': {
        const array = this.parse(rightTree);
        const quantifier = kind === 'AEXPR_OP_ANY' ? 'any' : 'all';
        return membership(name, quantifier, left!, array, at);
      }
      case 'AEXPR_IN': {
        const items = listAt(nodeAt(rightTree, 'List'), 'items').map((item) => this.parse(item));
        const array: Syntax = { kind: 'array', at, elements: items, text: `array[${texts(items)}]` };
        return membership(name, name === '=' ? 'any' : 'all', left!, array, at);
      }
      case 'AEXPR_DISTINCT':
      case 'AEXPR_NOT_DISTINCT': {
        const right = this.parse(rightTree);
        const negated = kind === 'AEXPR_NOT_DISTINCT';
        const text = `(${left!.text} is ${negated ? 'not ' : ''}distinct from ${right.text})`;
        return { kind: 'distinct', at, negated, left: left!, right, text };
      }
      case 'AEXPR_NULLIF': {
        const right = this.parse(rightTree);
        return { kind: 'nullif', at, left: left!, right, text: `nullif(${left!.text}, ${right.text})` };
      }
      case 'AEXPR_BETWEEN':
      case 'AEXPR_NOT_BETWEEN': {
        const [low, high] = listAt(nodeAt(rightTree, 'List'), 'items').map((item) => this.parse(item));
        const args = [operation('>=', left, low!, at), operation('<=', left, high!, at)];
        const between: Syntax = { kind: 'boolean', operator: 'and', at, args, text: `(${texts(args, ' and ')})` };
        if (kind === 'AEXPR_BETWEEN') return between;
        return { kind: 'boolean', operator: 'not', at, args: [between], text: `(not ${between.text})` };
      }
      default:
        return this.#sql.refuse(
          at,
          `${kind.slice(6).toLowerCase().replaceAll('_', ' ')} is not compiled`,
          'Write it with comparisons, LIKE or ~.',
        );
    }
  }

  #case(node: Tree, at: number): Syntax {
    const argumentTree = treeAt(node, 'arg');
    const argument = argumentTree && this.parse(argumentTree);
    const whens = listAt(node, 'args').map((item) => {
      const when = nodeAt(item, 'CaseWhen');
      return { when: this.parse(treeAt(when, 'expr')!), result: this.parse(treeAt(when, 'result')!) };
    });
    const otherwiseTree = treeAt(node, 'defresult');
    const otherwise = otherwiseTree && this.parse(otherwiseTree);
    const shown = whens.map(({ when, result }) => ` when ${when.text} then ${result.text}`).join('');
    const text = `case${argument ? ` ${argument.text}` : ''}${shown}${otherwise ? ` else ${otherwise.text}` : ''} end`;
    return { kind: 'case', at, argument, whens, otherwise, text };
  }

  #call(node: Tree, at: number): CallSyntax {
    const names = namesAt(node, 'funcname');
    const name = names.at(-1)!;
    if (names.length > 1 && names[0] !== 'pg_catalog') {
      this.#sql.refuse(
        at,
        `${names.join('.')} is a function of its own, not part of Postgres itself`,
        'Write what it does in the view.',
      );
    }
    if (CLOCKS.has(name)) this.#sql.refuse(at, `${name}() gives another value each time it is asked`, OWN_TIME);
    if (VOLATILE.has(name)) {
      this.#sql.refuse(
        at,
        `${name}() gives another value each time it is asked`,
        'Keep the value in a column of the table.',
      );
    }
    if (listAt(node, 'agg_order').length > 0 || node['agg_within_group']) {
      this.#sql.refuse(
        at,
        'an ORDER BY inside an aggregate is not compiled',
        'Use min, max, first_value or last_value.',
      );
    }
    if (node['func_variadic']) this.#sql.refuse(at, 'VARIADIC is not compiled', 'Write the arguments one by one.');
    const argNames: (string | undefined)[] = [];
    const args = listAt(node, 'args').map((arg) => {
      const named = arg['NamedArgExpr'] as Tree | undefined;
      argNames.push(named && textAt(named, 'name'));
      return this.parse(named ? treeAt(named, 'arg')! : arg);
    });
    const filterTree = treeAt(node, 'agg_filter');
    const filter = filterTree && this.parse(filterTree);
    const overTree = treeAt(node, 'over');
    const over = overTree && this.#window(overTree);
    const star = node['agg_star'] === true;
    const distinct = node['agg_distinct'] === true;
    const shown = star
      ? '*'
      : args.map((arg, i) => (argNames[i] ? `${argNames[i]} => ${arg.text}` : arg.text)).join(', ');
    const text =
      `pg_catalog.${quoteIdentifier(name)}(${distinct ? 'distinct ' : ''}${shown})` +
      `${filter ? ` filter (where ${filter.text})` : ''}${over ? ` over (${over.text})` : ''}`;
    return { kind: 'call', at, name, args, argNames, star, distinct, filter, over, text };
  }

  #window(node: Tree): WindowSyntax {
    const at = numberAt(node, 'location');
    const name = textAt(node, 'name') || textAt(node, 'refname');
    const base = name ? this.#windows.get(name) : undefined;
    if (name && !base) this.#sql.refuse(at, `there is no window ${name}`, 'Define it in the WINDOW clause.');
    // `over w` takes all of w; `over (w …)` adds an order or a frame to it.
    const own = textAt(node, 'name') ? base! : node;
    const chain = own === base ? textAt(base, 'refname') : name;
    const inherited = chain ? this.#windows.get(chain) : undefined;
    const clause = (field: string): readonly Tree[] => {
      const mine = listAt(own, field);
      return mine.length > 0 || !inherited ? mine : listAt(inherited, field);
    };
    const partitionBy = clause('partitionClause').map((item) => this.parse(item));
    const orderBy: SortSyntax[] = clause('orderClause').map((item) =>
      parseSort(nodeAt(item, 'SortBy'), (tree) => this.parse(tree), this.#sql),
    );
    const frame = parseFrame(own, (tree) => this.parse(tree));
    return { partitionBy, orderBy, frame, at, text: windowText(partitionBy, orderBy, frame) };
  }

  #subLink(node: Tree, at: number): Syntax {
    const kind = textAt(node, 'subLinkType');
    if (!this.#subquery || (kind !== 'EXPR_SUBLINK' && kind !== 'EXISTS_SUBLINK')) {
      return this.#sql.refuse(
        at,
        'this kind of subquery is not compiled',
        'Aggregate the other table: (select count(*) from t where t.key = row.key) > 0.',
      );
    }
    const query = this.#subquery(nodeAt(treeAt(node, 'subselect')!, 'SelectStmt'));
    const exists = kind === 'EXISTS_SUBLINK';
    return { kind: 'subquery', at, exists, query, text: `${exists ? 'exists ' : ''}(${query.text})` };
  }
}

const texts = (nodes: readonly Syntax[], separator = ', '): string => nodes.map((node) => node.text).join(separator);

function operation(name: string, left: Syntax | undefined, right: Syntax, at: number): Syntax {
  const text = left
    ? `(${left.text} operator(pg_catalog.${name}) ${right.text})`
    : `(operator(pg_catalog.${name}) ${right.text})`;
  return { kind: 'operator', at, name, left, right, text };
}

function membership(operator: string, quantifier: 'any' | 'all', left: Syntax, array: Syntax, at: number): Syntax {
  const text = `(${left.text} operator(pg_catalog.${operator}) ${quantifier} (${array.text}))`;
  return { kind: 'membership', at, operator, quantifier, left, array, text };
}
