// What the op tests import of vitest, for programs that vitest itself does not run in: its runner and its matchers alone.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
  type ExpectStatic,
} from "@vitest/expect";

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "@vitest/runner";
export * as vi from "@vitest/spy";

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

const global = globalThis as unknown as Record<string | symbol, object>;
export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  chai.expect,
  global[ASYMMETRIC_MATCHERS_OBJECT],
) as unknown as ExpectStatic;
global[GLOBAL_EXPECT] = expect;
setState({ assertionCalls: 0 }, expect);
