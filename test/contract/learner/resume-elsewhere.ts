// A process of its own: reads what models were asked for, their states and what they are to learn; says what they are afterwards.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadModel } from '../../../src/model/create-model.ts';
import type { ModelRequest, TrainingExample } from '../../../src/model/model.ts';

export interface Resumed {
  readonly request: ModelRequest;
  /** Base64. */
  readonly saved: string;
  readonly examples: readonly TrainingExample[];
}

const digests: string[] = [];
for (const { request, saved, examples } of JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Resumed[]) {
  const model = await loadModel(request, Buffer.from(saved, 'base64'));
  for (const example of examples) {
    model.observe(example.features);
    model.learn(example);
  }
  digests.push(createHash('sha256').update(model.save()).digest('hex'));
}
process.stdout.write(JSON.stringify(digests));
