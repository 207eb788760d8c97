import { describe, expect, test } from "vitest";
import { memory, tidy, type NablaError } from "nabla";

/** By name of the group: a wrong call, the class of its error and the whole message. */
export type ErrorTables = Readonly<
  Record<string, readonly [call: () => unknown, error: new (message: string) => NablaError, message: string][]>
>;

/** Registers a test for each row: the error is thrown by the call itself, and nothing is left of what it made. */
export function checkErrors(tables: ErrorTables): void {
  describe.each(Object.entries(tables))("%s", (_, rows) => {
    test.each(rows.map(([call, error, message]) => [message, call, error] as const))("%s", (message, call, error) => {
      const before = memory().tensors;
      let thrown: unknown;
      try {
        tidy(call);
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toBeInstanceOf(error);
      expect(thrown).toMatchObject({ message, name: error.name });
      expect(memory().tensors).toBe(before);
    });
  });
}
