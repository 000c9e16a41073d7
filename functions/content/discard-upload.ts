import type { Upload } from "../../shared/artifacts/upload.ts";
import { errorFields } from "../../shared/logger.ts";
import type { StepContext } from "../../shared/sagas/step-context.ts";

/** Gives up the bytes of an upload that is a file now. Not worth failing for: the store forgets uploads that are left behind by itself. */
export async function discardUpload(
  { artifacts, logger }: Pick<StepContext<unknown, unknown>, "artifacts" | "logger">,
  upload: Upload,
): Promise<void> {
  await artifacts.discardUpload(upload).catch((error: unknown) => {
    logger.warn("the bytes of an upload were not removed", errorFields(error));
  });
}
