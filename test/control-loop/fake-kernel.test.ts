import { describe } from 'node:test';
import { FakeKernel } from './fake-kernel.js';
import { VIRTUAL_SERVER } from './stage.js';
import { holdToContract } from './table-contract.js';

describe('the fake kernel', () => {
  holdToContract(() => Promise.resolve(new FakeKernel().table(VIRTUAL_SERVER)));
});
