import { readFileSync } from "node:fs";
import * as z from "zod";

/** Called by .ci/run as `ci-summary.ts <vitest's JSON report> <exit code of npm test> <exit code of npm run verify>`. */
const [reportFile = "", testsExit = "1", verifyExit = "1"] = process.argv.slice(2);

const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  testResults: z.array(
    z.object({ status: z.string(), name: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

const { passed, failed } = countTests();
const failures = failed + Number(verifyExit);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

/** Failed tests, files that failed as a whole, and one for a run that failed without either or that left no report. */
function countTests(): { readonly passed: number; readonly failed: number } {
  try {
    const report = Report.parse(JSON.parse(readFileSync(reportFile, "utf8")));
    const brokenFiles = report.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    );
    const counted = report.numFailedTests + brokenFiles.length;
    return { passed: report.numPassedTests, failed: testsExit !== "0" && counted === 0 ? 1 : counted };
  } catch (error) {
    console.error("There is no usable report of the tests:", error);
    return { passed: 0, failed: 1 };
  }
}
