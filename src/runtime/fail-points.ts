// Named places between two durable steps, where a test can kill the process as a power cut would (docs/correctness.md, rules D
// and E). Unarmed, a fail point costs one comparison and does nothing.

import { appendFileSync } from 'node:fs';

let armed: { readonly name: string; readonly at: number; hits: number } | undefined;
let armedBy: string | undefined;

/**
 * Does nothing unless `MILLRACE_FAIL_POINT` is `name:count`: then the process gets SIGKILL at the count-th hit of that name.
 * Each hit of the armed name is first appended, as a line `name n`, to the file that `MILLRACE_FAIL_POINT_LOG` names.
 */
export function failPoint(name: string): void {
  const setting = process.env['MILLRACE_FAIL_POINT'];
  if (setting === undefined || setting === '') return;
  if (setting !== armedBy) arm(setting);
  if (armed === undefined || armed.name !== name) return;
  armed.hits += 1;
  const log = process.env['MILLRACE_FAIL_POINT_LOG'];
  if (log) appendFileSync(log, `${name} ${armed.hits}\n`);
  if (armed.hits === armed.at) process.kill(process.pid, 'SIGKILL');
}

function arm(setting: string): void {
  const colon = setting.lastIndexOf(':');
  const at = Number(setting.slice(colon + 1));
  if (colon < 1 || !Number.isSafeInteger(at) || at < 1)
    throw new TypeError(`MILLRACE_FAIL_POINT wants name:count, not ${JSON.stringify(setting)}`);
  armedBy = setting;
  armed = { name: setting.slice(0, colon), at, hits: 0 };
}
