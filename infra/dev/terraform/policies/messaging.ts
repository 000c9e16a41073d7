import * as z from "zod";

import { topicsOf } from "../../../../shared/state/topics.ts";
import { PROJECT_NUMBER } from "../computed-formats.ts";
import {
  accountForm,
  alertForm,
  bindingForm,
  memberForm,
  serviceForm,
  subscriptionForm,
  topicForm,
} from "../resource-forms.ts";
import { differenceOf, faultsOf, type Policy } from "./deployment.ts";

const LONGEST_PUSH_SECONDS = 600;
const NEVER = "";
const PUBSUB_AGENT = `serviceAccount:service-${PROJECT_NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com`;

/** The topics are those that the code publishes to, and each intent's topic is pushed to that intent's function and nowhere else. */
export const topicsAreTheManifest: Policy = ({ state, manifest }) => {
  const topics = state.all("google_pubsub_topic", topicForm);
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const types = manifest.functions.flatMap(({ intent_type }) => (intent_type === null ? [] : [intent_type]));
  const pushes = state.all("google_pubsub_subscription", subscriptionForm).flatMap(({ name, topic, push_config }) => {
    if (push_config === undefined) return [];
    const [, uri, path] = /^(https:\/\/[^/]+)(\/.*)$/.exec(push_config.push_endpoint) ?? [];
    const target = services.find((service) => service.uri === uri)?.template?.containers[0]?.args?.[0] ?? "nowhere";
    return [`${name}: ${topic} to ${target} at ${path ?? ""}`];
  });
  const wanted = manifest.functions.flatMap(({ name, triggers: { topic } }) => {
    const id = topics.find((each) => each.name === topic)?.id;
    return topic === null ? [] : [`${name}: ${id ?? topic} to ${name} at /${id ?? topic}`];
  });
  return [
    ...differenceOf(
      "topics",
      topics.map(({ name }) => name),
      topicsOf(types),
    ),
    ...differenceOf("pushes", pushes, wanted),
  ];
};

/** Every push proves who it is from, is tried again, ends as a dead letter, and its subscription never goes. */
export const pushesAreProven: Policy = ({ state, manifest }) => {
  const pushes = state
    .all("google_pubsub_subscription", subscriptionForm)
    .filter((each) => each.push_config !== undefined);
  const accounts = state.all("google_service_account", accountForm).map(({ email }) => email);
  const believed = new Set(
    state
      .all("google_cloud_run_v2_service", serviceForm)
      .flatMap(({ template }) => template?.containers[0]?.env ?? [])
      .filter(({ name }) => name === "PUSH_AUDIENCE" || name === "PUSH_SERVICE_ACCOUNT")
      .map(({ name, value }) => `${name}=${value ?? ""}`),
  );
  const proof = ({ push_config }: (typeof pushes)[number]): boolean => {
    const { service_account_email = "", audience } = push_config?.oidc_token ?? {};
    return (
      accounts.includes(service_account_email) &&
      believed.has(`PUSH_AUDIENCE=${audience ?? ""}`) &&
      believed.has(`PUSH_SERVICE_ACCOUNT=${service_account_email}`)
    );
  };
  return [
    ...(believed.size === 2 ? [] : ["functions believe more than one kind of push"]),
    ...faultsOf(pushes, proof, "its pushes do not prove who they are from"),
    ...faultsOf(pushes, ({ retry_policy }) => retry_policy.length === 1, "has no retry policy"),
    ...faultsOf(
      pushes,
      ({ dead_letter_policy }) => dead_letter_policy?.max_delivery_attempts === manifest.max_delivery_attempts,
      `does not make a dead letter after ${manifest.max_delivery_attempts} attempts`,
    ),
    ...faultsOf(
      pushes,
      ({ expiration_policy }) => expiration_policy?.ttl === NEVER,
      "goes when nobody uses it for a month",
    ),
    ...faultsOf(
      pushes,
      ({ ack_deadline_seconds }) =>
        (ack_deadline_seconds ?? 0) >= 10 && (ack_deadline_seconds ?? 0) <= LONGEST_PUSH_SECONDS,
      "waits longer for an answer than Pub/Sub can",
    ),
  ];
};

/** Dead letters can get to their topic, wait there for somebody, and somebody is told. */
export const deadLettersAreSeen: Policy = ({ state, manifest }) => {
  const subscriptions = state.all("google_pubsub_subscription", subscriptionForm);
  const topics = state.all("google_pubsub_topic", topicForm);
  const alerts = state.all("google_monitoring_alert_policy", alertForm);
  const publishers = state.all("google_pubsub_topic_iam_binding", bindingForm.extend({ topic: z.string() }));
  const agents = state.all("google_pubsub_subscription_iam_member", memberForm.extend({ subscription: z.string() }));
  const ids = new Set(subscriptions.flatMap(({ dead_letter_policy }) => dead_letter_policy?.dead_letter_topic ?? []));
  const dead = topics.filter(({ id, name }) => ids.has(id) || name === manifest.dead_letter_topic);
  return [
    ...(dead.length === 1 && ids.size === 1 ? [] : ["there is not one topic of dead letters"]),
    ...dead.flatMap(({ id, name, address }) => {
      const waiting = subscriptions.filter(({ topic, filter }) => topic === id && (filter ?? "") === "");
      const told = waiting.some((subscription) => alerts.some((alert) => watches(alert, subscription.name)));
      const agentPublishes = publishers.some(
        ({ topic, role, members }) =>
          topic === name && role === "roles/pubsub.publisher" && members.includes(PUBSUB_AGENT),
      );
      return [
        ...(waiting.length > 0 ? [] : [`${address}: nobody waits for its messages, so they are lost`]),
        ...(told ? [] : [`${address}: no alert tells of its messages`]),
        ...(agentPublishes ? [] : [`${address}: Pub/Sub may not publish there`]),
      ];
    }),
    ...faultsOf(
      subscriptions.filter(({ dead_letter_policy }) => dead_letter_policy !== undefined),
      ({ name }) =>
        agents.some(
          (each) =>
            each.subscription === name && each.member === PUBSUB_AGENT && each.role === "roles/pubsub.subscriber",
        ),
      "Pub/Sub may not take its messages away, so none becomes a dead letter",
    ),
  ];
};

/** Who may publish is one list for each topic, and the functions are on it. */
export const publishersAreListed: Policy = ({ state }) => {
  const publishers = state.all("google_pubsub_topic_iam_binding", bindingForm.extend({ topic: z.string() }));
  const functions = state
    .all("google_service_account", accountForm)
    .filter(({ account_id }) => account_id.startsWith("fn-"))
    .map(({ member }) => member);
  return [
    ...faultsOf(
      state.all("google_pubsub_topic", topicForm),
      ({ name }) => {
        const lists = publishers.filter(({ topic, role }) => topic === name && role === "roles/pubsub.publisher");
        return lists.length === 1 && functions.every((member) => lists[0]?.members.includes(member));
      },
      "not every function may publish there, by one list",
    ),
    ...state.resources
      .filter(({ type }) => type === "google_pubsub_topic_iam_member")
      .map(({ address }) => `${address} grants beside the binding`),
  ];
};

function watches({ conditions }: z.infer<typeof alertForm>, subscription: string): boolean {
  return conditions
    .flatMap(({ condition_threshold }) => condition_threshold)
    .some(
      ({ filter }) =>
        filter.includes("num_undelivered_messages") && filter.includes(`subscription_id="${subscription}"`),
    );
}
