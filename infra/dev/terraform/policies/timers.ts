import * as z from "zod";

import { accountForm, bindingForm, memberForm, serviceForm, topicForm } from "../resource-forms.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

const queueForm = z.object({ name: z.string(), project: z.string(), location: z.string() });

/** Every function sets timers in the one queue, and what they set may publish to the topics of intents, and to no other. */
export const timersReachTheirTopics: Policy = ({ state, manifest }) => {
  const accounts = state.all("google_service_account", accountForm.extend({ name: z.string() }));
  const functions = accounts.filter(({ account_id }) => account_id.startsWith("fn-")).map(({ member }) => member);
  const queues = state.all("google_cloud_tasks_queue", queueForm);
  const names = queues.map(({ name, project, location }) => `projects/${project}/locations/${location}/queues/${name}`);
  const isRunner = (name: string | undefined): boolean =>
    manifest.functions.some((each) => each.kind === "runner" && each.name === name);
  const services = state
    .all("google_cloud_run_v2_service", serviceForm)
    .filter(({ template }) => !isRunner(template?.containers[0]?.args?.[0]));
  const told = (variable: string) =>
    new Set(services.map(({ template }) => template?.containers[0]?.env.find(({ name }) => name === variable)?.value));
  const [queue, ...otherQueues] = told("TIMER_QUEUE");
  const [email, ...otherEmails] = told("TIMER_SERVICE_ACCOUNT");
  const timers = accounts.find((account) => account.email === email);
  const enqueuers = state.all("google_cloud_tasks_queue_iam_binding", bindingForm);
  const acting = state
    .all("google_service_account_iam_member", memberForm.extend({ service_account_id: z.string() }))
    .filter(({ role, service_account_id: id }) => role === "roles/iam.serviceAccountUser" && id === timers?.name);
  const publishers = state.all("google_pubsub_topic_iam_binding", bindingForm.extend({ topic: z.string() }));
  const intents = new Set(manifest.functions.flatMap(({ triggers }) => triggers.topic ?? []));
  return [
    ...(otherQueues.length === 0 && names.includes(queue ?? "")
      ? []
      : ["functions are not told the one queue of timers"]),
    ...(otherEmails.length === 0 && timers !== undefined
      ? []
      : ["functions are not told whose name timers publish in"]),
    ...differenceOf(
      "who may set timers",
      enqueuers.filter(({ role }) => role === "roles/cloudtasks.enqueuer").flatMap(({ members }) => members),
      functions,
    ),
    ...differenceOf(
      "who may act as the account of timers",
      acting.map(({ member }) => member),
      functions,
    ),
    ...faultsOf(
      state.all("google_pubsub_topic", topicForm),
      ({ name }) =>
        intents.has(name) ===
        publishers.some(
          ({ topic, role, members }) =>
            topic === name && role === "roles/pubsub.publisher" && members.includes(timers?.member ?? ""),
        ),
      "timers may publish where no intent is, or may not where one is",
    ),
  ];
};
