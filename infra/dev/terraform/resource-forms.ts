import * as z from "zod";

/** A block that may be there once. */
const block = <Form extends z.ZodType>(form: Form) =>
  z
    .array(form)
    .max(1)
    .transform((list) => list[0]);

const envForm = z.object({
  name: z.string(),
  value: z.string().nullish(),
  value_source: block(
    z.object({ secret_key_ref: block(z.object({ secret: z.string(), version: z.string().nullish() })) }),
  ),
});

export const serviceForm = z.object({
  name: z.string(),
  uri: z.string(),
  ingress: z.string(),
  invoker_iam_disabled: z.boolean().nullish(),
  template: block(
    z.object({
      service_account: z.string().nullish(),
      timeout: z.string().nullish(),
      max_instance_request_concurrency: z.number().nullish(),
      vpc_access: block(
        z.object({
          network_interfaces: z.array(z.object({ network: z.string().nullish(), subnetwork: z.string().nullish() })),
        }),
      ),
      scaling: block(z.object({ min_instance_count: z.number().nullish(), max_instance_count: z.number().nullish() })),
      containers: z.array(
        z.object({
          image: z.string(),
          args: z.array(z.string()).nullish(),
          env: z.array(envForm),
          resources: block(z.object({ limits: z.record(z.string(), z.string()).nullish() })),
          startup_probe: z.array(z.unknown()),
        }),
      ),
    }),
  ),
});

export const subscriptionForm = z.object({
  id: z.string(),
  name: z.string(),
  topic: z.string(),
  ack_deadline_seconds: z.number().nullish(),
  filter: z.string().nullish(),
  push_config: block(
    z.object({
      push_endpoint: z.string(),
      oidc_token: block(z.object({ service_account_email: z.string(), audience: z.string().nullish() })),
    }),
  ),
  retry_policy: z.array(z.unknown()),
  dead_letter_policy: block(
    z.object({ dead_letter_topic: z.string().nullish(), max_delivery_attempts: z.number().nullish() }),
  ),
  expiration_policy: block(z.object({ ttl: z.string() })),
});

export const topicForm = z.object({ id: z.string(), name: z.string() });
export const accountForm = z.object({ account_id: z.string(), email: z.string(), member: z.string() });
export const bindingForm = z.object({ role: z.string(), members: z.array(z.string()) });
export const memberForm = z.object({
  role: z.string(),
  member: z.string(),
  condition: block(z.object({ expression: z.string() })).optional(),
});

export const schedulerForm = z.object({
  name: z.string(),
  schedule: z.string(),
  http_target: block(
    z.object({
      uri: z.string(),
      http_method: z.string(),
      oidc_token: block(z.object({ service_account_email: z.string(), audience: z.string().nullish() })),
    }),
  ),
});

export const bucketForm = z.object({
  name: z.string(),
  uniform_bucket_level_access: z.boolean().nullish(),
  public_access_prevention: z.string().nullish(),
  lifecycle_rule: z.array(
    z.object({
      action: block(z.object({ type: z.string() })),
      condition: block(z.object({ age: z.number().nullish(), matches_prefix: z.array(z.string()).nullish() })),
    }),
  ),
});

export const databaseForm = z.object({
  name: z.string(),
  point_in_time_recovery_enablement: z.string().nullish(),
  delete_protection_state: z.string().nullish(),
  deletion_policy: z.string().nullish(),
});

export const alertForm = z.object({
  display_name: z.string(),
  notification_channels: z.array(z.string()).nullish(),
  documentation: z.array(z.object({ content: z.string() })),
  conditions: z.array(
    z.object({
      condition_threshold: z.array(z.object({ filter: z.string(), threshold_value: z.number().nullish() })),
      condition_absent: z.array(z.unknown()),
    }),
  ),
});
