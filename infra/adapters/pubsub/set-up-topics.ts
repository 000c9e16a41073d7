import type { v1 } from "@google-cloud/pubsub";

import { GRPC, openPublisher, openSubscriber, type PubsubOptions, statusOf, within } from "./client.ts";

const CALL_TIMEOUT_MS = 10_000;
/** How long a dead letter waits for somebody to look at it. */
const DEAD_LETTER_RETENTION_SECONDS = 7 * 24 * 3_600;
const NEVER_EXPIRES = {};

export interface PushSubscription {
  readonly name: string;
  readonly topic: string;
  /** Called with each message: a URL ending in `/projects/<project>/topics/<topic>`, from which a function knows the topic. */
  readonly endpoint: string;
  /** How long one push may take, at most 600 s. */
  readonly ackDeadlineSeconds: number;
  /** The longest pause before a message is pushed again, up to 600 s; default 60 s. */
  readonly longestBackoffSeconds?: number;
  /** One message at a time of each ordering key; a refused one holds back those behind it. */
  readonly ordered?: boolean;
}

export interface Topology {
  readonly topics: readonly string[];
  readonly pushes: readonly PushSubscription[];
  readonly deadLetters: {
    readonly topic: string;
    /** Without it dead letters would be lost: Pub/Sub keeps nothing that no subscription waits for. */
    readonly subscription: string;
    /**
     * 5 to 100. What can never work is buried with its reason at once, so this is for what fails for no reason of its own: too few
     * attempts, and an outage makes dead letters of good messages.
     */
    readonly maxDeliveryAttempts: number;
  };
}

/** Creates what is missing and brings push subscriptions up to date; running it again, or twice at once, changes nothing. */
export async function setUpTopics(options: PubsubOptions, topology: Topology): Promise<void> {
  const [publisher, subscriber] = await Promise.all([openPublisher(options), openSubscriber(options)]);
  const project = `projects/${options.projectId}`;
  const { deadLetters } = topology;
  try {
    const topics = new Set([deadLetters.topic, ...topology.topics, ...topology.pushes.map(({ topic }) => topic)]);
    await Promise.all([...topics].map((topic) => createTopic(publisher, `${project}/topics/${topic}`)));
    await createSubscription(subscriber, {
      name: `${project}/subscriptions/${deadLetters.subscription}`,
      topic: `${project}/topics/${deadLetters.topic}`,
      ackDeadlineSeconds: 60,
      messageRetentionDuration: { seconds: DEAD_LETTER_RETENTION_SECONDS },
      expirationPolicy: NEVER_EXPIRES,
    });
    for (const push of topology.pushes) await putPush(subscriber, project, push, deadLetters);
  } finally {
    await Promise.all([publisher.close(), subscriber.close()]);
  }
}

type Subscription = Parameters<v1.SubscriberClient["createSubscription"]>[0];

async function putPush(
  subscriber: v1.SubscriberClient,
  project: string,
  push: PushSubscription,
  deadLetters: Topology["deadLetters"],
): Promise<void> {
  const changeable = {
    pushConfig: { pushEndpoint: push.endpoint },
    ackDeadlineSeconds: push.ackDeadlineSeconds,
    retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: push.longestBackoffSeconds ?? 60 } },
    deadLetterPolicy: {
      deadLetterTopic: `${project}/topics/${deadLetters.topic}`,
      maxDeliveryAttempts: deadLetters.maxDeliveryAttempts,
    },
  };
  const name = `${project}/subscriptions/${push.name}`;
  const created = await createSubscription(subscriber, {
    name,
    topic: `${project}/topics/${push.topic}`,
    enableMessageOrdering: push.ordered ?? false,
    expirationPolicy: NEVER_EXPIRES,
    ...changeable,
  });
  if (created) return;
  const paths = ["push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"];
  await subscriber.updateSubscription(
    { subscription: { name, ...changeable }, updateMask: { paths } },
    within(CALL_TIMEOUT_MS),
  );
}

async function createTopic(publisher: v1.PublisherClient, name: string): Promise<void> {
  await unlessThere(publisher.createTopic({ name }, within(CALL_TIMEOUT_MS)));
}

function createSubscription(subscriber: v1.SubscriberClient, subscription: Subscription): Promise<boolean> {
  return unlessThere(subscriber.createSubscription(subscription, within(CALL_TIMEOUT_MS)));
}

/** Whether it was created; false when it was there. */
async function unlessThere(creating: Promise<unknown>): Promise<boolean> {
  try {
    await creating;
    return true;
  } catch (error) {
    if (statusOf(error) === GRPC.alreadyExists) return false;
    throw error;
  }
}
