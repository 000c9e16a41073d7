import * as z from "zod";

const variables = z.array(z.string().regex(/^[A-Z][A-Z0-9_]*$/));

const functionForm = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/)
    .describe("The bundle's name, which the image takes as its argument."),
  kind: z
    .enum(["intent", "api", "job", "runner"])
    .describe(
      "A runner runs the code of tenants: it is deployed only where guests are taken, without secrets and without rights.",
    ),
  intent_type: z.string().nullable(),
  triggers: z.strictObject({
    http: z.string().regex(/^\//).describe("The path that callers post to; / where the function has many."),
    topic: z
      .string()
      .nullable()
      .describe("The Pub/Sub topic whose messages are pushed to it, each at /projects/<project>/topics/<topic>."),
    schedule: z.string().nullable().describe("Cron, in UTC: when it is posted to."),
  }),
  memory_mb: z.int().positive(),
  cpu: z.int().positive(),
  timeout_seconds: z.int().min(1).max(3_600),
  concurrency: z.int().min(1).max(1_000).describe("Requests that one instance serves at a time."),
  min_instances: z.int().nonnegative(),
  max_instances: z.int().positive(),
  calls_runner: z.boolean().describe("Whether it runs guests: where they are taken, it is told where their runner is."),
  environment: z.record(z.string(), z.string()).describe("Variables with the same values in every deployment."),
  environment_needed: variables.describe(
    "Variables that the deployment gives values to; without one of them it does not start.",
  ),
  secrets: variables.describe("Variables that hold secrets: it is given those that the deployment has, and no others."),
});

/** The functions of a build, for whatever deploys them. */
export const manifestForm = z.strictObject({
  $schema: z.string(),
  version: z.literal(1),
  events_topic: z.string().describe("Where events are published."),
  dead_letter_topic: z.string().describe("Where messages end that can never become an execution."),
  max_delivery_attempts: z.int().min(5).max(100).describe("Before Pub/Sub itself makes a dead letter of a message."),
  redis: z
    .record(z.string(), z.strictObject({ environment_needed: variables, secrets: variables }))
    .describe("What each way to have a Redis adds to every function; one of them is chosen."),
  functions: z.array(functionForm),
});

export type Manifest = z.infer<typeof manifestForm>;
