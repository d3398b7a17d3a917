import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createModel, loadModel } from '../../src/model/create-model.ts';
import type { ModelRequest } from '../../src/model/model.ts';
import { StateReader, StateWriter } from '../../src/model/saved-state.ts';
import { booleanLabel } from './phishing.ts';

describe('a saved state', () => {
  test('gives back every number and text as it was, to the last bit', () => {
    // Postgres has no lone surrogates; a byte order mark is a character like any other.
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\uFEFF', '\uFEFFeur', 'eur\uFEFF'));
    fc.assert(
      fc.property(
        fc.array(text),
        fc.float64Array({ noNaN: false }),
        fc.float32Array({ noNaN: false }),
        fc.nat(),
        (texts, floats, floats32, whole) => {
          const writer = new StateWriter('test');
          for (const one of texts) writer.text(one);
          writer.floats(floats);
          writer.floats32(floats32);
          for (const value of [...floats, -0]) writer.f64(value);
          writer.u32(whole);
          const reader = new StateReader(writer.finish(), 'test');
          expect(texts.map(() => reader.text())).toEqual(texts);
          expect(reader.floats()).toEqual(floats);
          expect(reader.floats32()).toEqual(floats32);
          for (const value of [...floats, -0]) expect(reader.f64()).toBe(value);
          expect(reader.u32()).toBe(whole);
          expect(reader.atEnd).toBe(true);
          reader.finish();
        },
      ),
    );
  });

  test('keeps apart two categories of which one begins with a byte order mark', async () => {
    const request: ModelRequest = {
      options: { kind: 'logistic' },
      features: [{ name: 'note', typeOid: 25, type: 'text' }],
      label: booleanLabel,
      seed: 1,
    };
    const model = await createModel(request);
    for (let i = 0; i < 50; i++)
      for (const [note, target] of [['\uFEFFa', 1] as const, ['a', 0] as const])
        model.learn({ features: { note }, target, weight: 1 });
    const loaded = await loadModel(request, model.save());
    const rows = [{ note: '\uFEFFa' }, { note: 'a' }];
    expect(loaded.predictMany(rows)).toEqual(model.predictMany(rows));
    expect(Buffer.compare(loaded.save(), model.save())).toBe(0);
  });
});
