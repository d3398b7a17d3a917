// A plant of pumps with known rules, so that it is known how well their breakdowns can be foreseen. Everything comes from one seed.

import { gaussian, seeded } from '../random.mjs';

/** Hours from the first sign to the breakdown: any of these, equally likely. */
const SHORTEST = 12;
const LONGEST = 36;
/** Chance that a sound pump begins to fail in an hour. */
const ONSET = 1 / 250;
const REPAIR_HOURS = 8;
/** What is asked: does it break down within so many hours? */
export const WITHIN_HOURS = 24;

const FIRST_MS = Date.parse('2026-01-01T00:00:00Z');

/**
 * Hour by hour: the readings of the pumps that run, the pumps that broke down at the end of the hour, and for each reading the best
 * that can be said of it by who knows the rules and every pump's nature, but not its state.
 */
export function* plant(pumps, hours, seed) {
  const random = seeded(seed);
  const all = Array.from({ length: pumps }, (_, number) => ({
    number,
    run: 1,
    // No two pumps shake alike: what is much for one is usual for another.
    shake: 0.6 + 1.6 * random(),
    failingFor: 0,
    life: 0,
    idle: 0,
    belief: soundBelief(),
  }));
  let id = 0;
  for (let hour = 0; hour < hours; hour++) {
    const at = new Date(FIRST_MS + hour * 3_600_000).toISOString();
    const readings = [];
    const broken = [];
    for (const pump of all) {
      if (pump.idle > 0) {
        pump.idle -= 1;
        continue;
      }
      if (pump.failingFor > 0) pump.failingFor += 1;
      else if (random() < ONSET) {
        pump.failingFor = 1;
        pump.life = SHORTEST + Math.floor(random() * (LONGEST - SHORTEST + 1));
      }
      const load = 0.3 + 0.7 * random();
      const vibration = pump.shake * (1 + 0.5 * load + sign(pump.failingFor) + NOISE * gaussian(random));
      const temperature = 50 + 20 * load + 4 * sign(pump.failingFor) + 2 * gaussian(random);
      pump.belief = seen(pump.belief, vibration / pump.shake - 1 - 0.5 * load, (temperature - 50 - 20 * load) / 4);
      id += 1;
      readings.push({
        id,
        pump: pump.number,
        run: pump.run,
        at,
        load,
        vibration,
        temperature,
        best: chanceOf(pump.belief),
      });
      if (pump.failingFor > 0 && pump.failingFor === pump.life) {
        broken.push(pump.number);
        Object.assign(pump, { run: pump.run + 1, failingFor: 0, life: 0, idle: REPAIR_HOURS, belief: soundBelief() });
      }
    }
    yield { at, readings, broken };
  }
}

const NOISE = 0.25;
const HEAT_NOISE = 0.5;

/** How far vibration (and heat) stand above what is usual, so many hours after the first sign. */
function sign(hours) {
  return 0.03 * hours;
}

/** Chances by hours since the first sign, 0 for a sound pump, of a pump that has not broken down. */
function soundBelief() {
  const belief = new Float64Array(LONGEST + 1);
  belief[0] = 1;
  return belief;
}

/** The forward step of the hidden Markov model: an hour passes without a breakdown, then the reading is seen. */
function seen(belief, vibration, heat) {
  const next = new Float64Array(LONGEST + 1);
  next[0] = belief[0] * (1 - ONSET);
  next[1] = belief[0] * ONSET;
  for (let k = 1; k < LONGEST; k++) next[k + 1] = belief[k] * (alive(k) === 0 ? 0 : alive(k + 1) / alive(k));
  let sum = 0;
  for (let k = 0; k <= LONGEST; k++) {
    next[k] *= Math.exp(-(((vibration - sign(k)) / NOISE) ** 2 + ((heat - sign(k)) / HEAT_NOISE) ** 2) / 2);
    sum += next[k];
  }
  return next.map((chance) => chance / sum);
}

/** Chance that a life is not over before hour k of failing is. */
function alive(k) {
  return k <= SHORTEST ? 1 : Math.max(0, (LONGEST + 1 - k) / (LONGEST + 1 - SHORTEST));
}

/** That it breaks down within the hours that follow the reading; in hour k of failing it does at the end of hour `life` ≥ k. */
function chanceOf(belief) {
  let chance = 0;
  for (let k = 0; k <= LONGEST; k++) chance += belief[k] * (k === 0 ? soonFromSound() : brokenBy(k, WITHIN_HOURS - 1));
  return chance;
}

/** Of a pump in hour k of failing whose hour is not over: that its life ends at most `more` hours later. */
function brokenBy(k, more) {
  return alive(k) === 0 ? 1 : 1 - alive(k + more + 1) / alive(k);
}

/** Of a sound pump: that it begins to fail in one of the next hours and is through with it in time. */
function soonFromSound() {
  let chance = 0;
  for (let wait = 1; wait < WITHIN_HOURS; wait++)
    chance += (1 - ONSET) ** (wait - 1) * ONSET * brokenBy(1, WITHIN_HOURS - 1 - wait);
  return chance;
}
