// The forest walks many trees at once and counts leaves alone where it can: a plain walk, node by node, of the same trees is the oracle.

import { describe, expect, test } from 'vitest';
import { HalfSpaceForest, type ForestShape } from '../../../src/model/anomaly/half-space-forest.ts';
import { Random } from '../../../src/model/random.ts';
import { seeded } from '../seeded.ts';

const DIMENSIONS = Int32Array.of(0, 2, 3);
const SEED = 11;

interface Node {
  readonly dimension: number;
  readonly threshold: number;
  readonly children: readonly [Node, Node] | undefined;
  latest: number;
  reference: number;
}

/** As the paper has them, between 0 and 1: a dimension by the width of its range, a place 15 % away from its ends. */
function plainTree(random: Random, height: number, ranges: readonly (readonly [number, number])[]): Node {
  if (height === 0) return { dimension: -1, threshold: 0, children: undefined, latest: 0, reference: 0 };
  let pick = random.uniform() * ranges.reduce((sum, [from, to]) => sum + (to - from), 0);
  let i = 0;
  for (; i < ranges.length - 1 && pick >= ranges[i]![1] - ranges[i]![0]; i++) pick -= ranges[i]![1] - ranges[i]![0];
  const [from, to] = ranges[i]!;
  const threshold = from + (0.15 + (1 - 2 * 0.15) * random.uniform()) * (to - from);
  const left = plainTree(random, height - 1, ranges.with(i, [from, threshold]));
  const right = plainTree(random, height - 1, ranges.with(i, [threshold, to]));
  return { dimension: DIMENSIONS[i]!, threshold, children: [left, right], latest: 0, reference: 0 };
}

function pathOf(root: Node, row: Float64Array): Node[] {
  const path = [root];
  for (let { children, dimension, threshold } = root; children;) {
    const value = row[dimension]!;
    const [less, more] = children.map((child) => child.reference + child.latest) as [number, number];
    const next = children[value < threshold || (Number.isNaN(value) && less >= more) ? 0 : 1];
    path.push(next);
    ({ children, dimension, threshold } = next);
  }
  return path;
}

function plainScore(trees: readonly Node[], row: Float64Array, window: number): number {
  let score = 0;
  let greatest = 0;
  for (const tree of trees) {
    const path = pathOf(tree, row);
    const few = path.findIndex(({ reference }) => reference < 0.1 * window);
    path.forEach((node, depth) => {
      if (few < 0 || depth <= few) score += node.reference * 2 ** depth;
      greatest += window * 2 ** depth;
    });
  }
  return 1 - score / greatest;
}

/** In heap order. */
function masses(tree: Node, of: 'latest' | 'reference'): number[] {
  const level = [tree];
  for (const node of level) level.push(...(node.children ?? []));
  return level.map((node) => node[of]);
}

describe.each([1, 4, 5, 12])('%i half-space trees', (trees) => {
  test.each([
    { height: 1, missing: 0 },
    { height: 6, missing: 0 },
    { height: 6, missing: 0.01 },
    { height: 5, missing: 0.4 },
  ])('score and count what a plain walk does, with %j', ({ height, missing }) => {
    const shape: ForestShape = { trees, height, dimensions: DIMENSIONS, ranges: 'observed', nominal: () => false };
    const forest = new HalfSpaceForest(shape, SEED);
    const grown = new Random(SEED);
    const plain = Array.from({ length: trees }, () => plainTree(grown, height, Array(3).fill([0, 1])));
    const random = seeded(5);
    const window = 40;
    let scored = 0;
    for (let i = 0, last = 0; i < 400; i++) {
      const row = Float64Array.from({ length: 4 }, () => (random() < missing ? Number.NaN : random() * 1.4 - 0.2));
      forest.walk(row);
      if (last > 0) {
        expect(forest.score()).toBe(plainScore(plain, row, window));
        scored += 1;
      }
      // Most rows are learned; what is asked in between changes nothing.
      if (random() < 0.2) continue;
      if (random() < 0.1) forest.explain(row, new Float64Array(4));
      if (random() < 0.1) expect([...forest.latest]).toEqual(plain.flatMap((tree) => masses(tree, 'latest')));
      forest.learn();
      for (const tree of plain) for (const node of pathOf(tree, row)) node.latest += 1;
      if (i - last < window) continue;
      forest.turn(window);
      last = i;
      for (const tree of plain) {
        const level = [tree];
        for (const node of level) {
          level.push(...(node.children ?? []));
          node.reference = node.latest;
          node.latest = 0;
        }
      }
      expect([...forest.reference]).toEqual(plain.flatMap((tree) => masses(tree, 'reference')));
    }
    expect(scored).toBeGreaterThan(300);
    expect([...forest.latest]).toEqual(plain.flatMap((tree) => masses(tree, 'latest')));
  });
});
