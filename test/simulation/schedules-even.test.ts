import { scheduleSuite } from './suite.ts';

scheduleSuite(0, 2);
