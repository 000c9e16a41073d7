import { describe, expect, it } from "vitest";

import { styleFor } from "../../../infra/cli/terminal.ts";
import { timeline, type TimelineState } from "../../../infra/cli/timeline.ts";

const style = styleFor({ write: () => undefined }, {});
const at = (ms: number): string => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const error = { code: "card.declined", message: "No \u001bmoney.", status: 409, retryable: false };
const base = {
  execution_id: "execution_1",
  intent_type: "shop.order",
  created_at: at(0),
  updated_at: at(4_000),
} as const;
type Step = TimelineState["steps"][number];
const step = (name: string, more: Partial<Step>): Step => ({
  step_name: name,
  step_type: "step",
  status: "completed",
  attempt: 1,
  started_at: at(0),
  ...more,
});
const draw = (state: Omit<TimelineState, keyof typeof base>, nowMs: number, planned: readonly string[] = []): string =>
  `\n${timeline({ ...base, ...state }, { style, nowMs: Date.parse(at(nowMs)), planned, barColumns: 20 }).join("\n")}\n`;

describe("the timeline", () => {
  it("shows what is done, what runs and is tried again, and what is to come", () => {
    const steps = [
      step("reserve", { completed_at: at(1_000) }),
      step("charge", { status: "started", attempt: 2, started_at: at(1_000), due_at: at(6_000), error }),
    ];
    expect(draw({ status: "running", steps }, 4_000, ["reserve", "charge", "ship"])).toMatchInlineSnapshot(`
      "
      shop.order  execution_1  running  4 s
        ✓ reserve  ━━━━━···············       1 s
        ⠋ charge   ·····━━━━━━━━━━━━━━━       3 s  attempt 2, again in 2 s, card.declined: No \\u001bmoney.
        · ship
      "
    `);
  });

  it("says how to signal to what waits, and when it gives up", () => {
    const waits = step("approval", { step_type: "await", status: "started", due_at: at(172_804_000) });
    expect(draw({ status: "suspended", steps: [waits] }, 4_000)).toMatchInlineSnapshot(`
      "
      shop.order  execution_1  suspended  4 s
        ◷ approval  ━━━━━━━━━━━━━━━━━━━━       4 s  gives up in 2 d
        It waits for the signal approval:
          symphainy signal execution_1 approval --input '{}'
      "
    `);
  });

  it("shows what was undone and why it turned back", () => {
    const steps = [
      step("reserve", { status: "compensated", completed_at: at(1_000) }),
      step("charge", { status: "failed", attempt: 3, started_at: at(1_000), completed_at: at(4_000), error }),
    ];
    expect(draw({ status: "compensated", steps, error }, 90_000, ["ship"])).toMatchInlineSnapshot(`
      "
      shop.order  execution_1  compensated  4 s
        ↺ reserve  ━━━━━···············       1 s  undone
        ✗ charge   ·····━━━━━━━━━━━━━━━       3 s  3 attempts, card.declined: No \\u001bmoney.
        card.declined: No \\u001bmoney.
      "
    `);
  });

  it("says that only a person can let a dead one go on", () => {
    const steps = [step("reserve", { status: "started", undo_attempts: 3, error })];
    expect(draw({ status: "dead", steps, error }, 90_000)).toMatchInlineSnapshot(`
      "
      shop.order  execution_1  dead  4 s
        • reserve  ━━━━━━━━━━━━━━━━━━━━       4 s  undo failed 3 times, card.declined: No \\u001bmoney.
        card.declined: No \\u001bmoney.
        Only a person can go on: symphainy retry execution_1
      "
    `);
  });

  it("keeps to its columns when a clock is behind the runtime's", () => {
    const lines = draw(
      { status: "running", steps: [step("a", { status: "started", started_at: at(3_000) })] },
      -60_000,
    );
    expect(lines).toContain("running  0 ms");
    expect(lines).toMatch(/[━·]{20} {2}/);
  });
});
