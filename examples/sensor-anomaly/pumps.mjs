// Four pumps, a reading every two minutes for three days, and twelve faults of four kinds at times drawn from a seed. Nothing here
// knows how faults are looked for: a reading is what a pump of that load and hour gives, plus what its fault does to it.

const MACHINES = 4;
const STEPS = 3 * 720;
const FIRST = Date.parse('2026-03-02T00:00:00Z');
/** No fault in the first half day: what is usual must be seen before. */
const QUIET = 360;

/** By kind: how many readings it lasts, and what it does to the reading `i` of them. */
const KINDS = {
  /** Something hits the impeller: vibration jumps, for two readings. */
  knock: { lasts: 2, changes: (r) => ({ ...r, vibration: r.vibration * 2.5 }) },
  /** The thermometer repeats itself. */
  stuck: { lasts: 20, changes: (r, i, before) => ({ ...r, temperature: before.temperature }) },
  /** Pressure is lost, the motor works as hard as ever. */
  leak: { lasts: 15, changes: (r) => ({ ...r, pressure: r.pressure * 0.82 }) },
  /** A bearing goes: more and more vibration and heat, until it is mended. */
  wear: {
    lasts: 30,
    changes: (r, i) => ({ ...r, vibration: r.vibration * (1 + i / 25), temperature: r.temperature + i / 4 }),
  },
};

/** `readings` in the order of their time, `faults` as `{ kind, machine, from, to }`, both ends counted. */
export function pumps(seed) {
  const random = generator(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const faults = drawFaults(random);
  const states = Array.from({ length: MACHINES }, () => ({ load: 0.7, heat: 0, character: normal(), last: undefined }));
  const readings = [];
  for (let step = 0; step < STEPS; step++) {
    for (const [machine, state] of states.entries()) {
      const hour = (step / 30) % 24;
      // Load wanders around the day's; heat follows it slowly.
      const wanted = 0.7 + 0.2 * Math.sin((2 * Math.PI * (hour - 9)) / 24);
      state.load += 0.05 * (wanted - state.load) + 0.02 * normal();
      state.heat += 0.03 * (40 * state.load - state.heat);
      const healthy = {
        temperature: 30 + state.heat + 2 * state.character + 0.4 * normal(),
        vibration: (1.5 + state.load) * Math.exp(0.06 * normal()),
        pressure: 6 * Math.sqrt(Math.max(0.1, state.load)) + 0.06 * normal(),
        current: 20 * state.load + 4 + 0.3 * normal(),
      };
      const fault = faults.find((one) => one.machine === machine && step >= one.first && step <= one.last);
      const reading = fault ? KINDS[fault.kind].changes(healthy, step - fault.first, state.last) : healthy;
      state.last = reading;
      readings.push({ id: readings.length + 1, machine, at: timeOf(step), ...rounded(reading) });
    }
  }
  return {
    readings,
    faults: faults.map(({ kind, machine, first, last }) => ({ kind, machine, from: timeOf(first), to: timeOf(last) })),
  };
}

/** Three of each kind, none while another one of the same machine is less than three hours ago. */
function drawFaults(random) {
  const faults = [];
  for (const kind of Object.keys(KINDS)) {
    for (let n = 0; n < 3;) {
      const machine = Math.floor(random() * MACHINES);
      const first = QUIET + Math.floor(random() * (STEPS - QUIET - 60));
      const last = first + KINDS[kind].lasts - 1;
      if (faults.some((one) => one.machine === machine && first <= one.last + 90 && last >= one.first - 90)) continue;
      faults.push({ kind, machine, first, last });
      n += 1;
    }
  }
  return faults;
}

const timeOf = (step) => new Date(FIRST + step * 120_000).toISOString();

function rounded({ temperature, vibration, pressure, current }) {
  const to = (value, digits) => Number(value.toFixed(digits));
  return {
    temperature: to(temperature, 2),
    vibration: to(vibration, 3),
    pressure: to(pressure, 3),
    current: to(current, 2),
  };
}

/** mulberry32 (Tommy Ettinger), uniform in [0, 1). */
function generator(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
