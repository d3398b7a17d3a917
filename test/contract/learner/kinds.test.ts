import { booleanLabel, numberLabel } from '../../model/phishing.ts';
import { modelContract, type Subject } from './model-contract.ts';

const optimizers = [{ name: 'sgd' }, { name: 'adagrad' }, { name: 'adam', lr: 0.01 }, { name: 'ftrl' }];

const subjects: Subject[] = [
  ...optimizers.map((optimizer) => ({
    name: `logistic with ${optimizer.name}`,
    options: { kind: 'logistic', optimizer },
    label: booleanLabel,
    prior: 0.5,
  })),
  ...optimizers
    .filter(({ name }) => name !== 'ftrl')
    .map((optimizer) => ({
      name: `linear with ${optimizer.name}`,
      options: { kind: 'linear', optimizer },
      label: numberLabel,
      prior: 0,
    })),
  {
    name: 'logistic with l2 and hashing',
    options: { kind: 'logistic', l2: 0.001, encode: { categories: 'hashing', dimensions: 64 } },
    label: booleanLabel,
    prior: 0.5,
  },
  { name: 'auto for a boolean', options: { kind: 'auto' }, label: booleanLabel, prior: 0.5 },
  { name: 'auto for a number', options: { kind: 'auto' }, label: numberLabel, prior: 0 },
];

for (const subject of subjects) modelContract(subject);
