import { call, clientSettings, type LambdaContext } from "../calls";
import { load } from "../load";
import type { Refusal } from "./authority";
import { renewalDueAt, type Delivered } from "./decision";
import type { CertificateFacts } from "./facts";
import type { Trouble } from "./state";

/** What is told to the people who look after the certificate. */
export interface Notice {
    readonly subject: string;
    readonly body: string;
}

export interface Success {
    readonly facts: CertificateFacts;
    readonly reason: string;
    readonly secretArn: string;
    /** Whether tasks take it up while they run. */
    readonly isSealed: boolean;
    /** Since when it had failed. */
    readonly troubleSince?: string;
    /** What did not work although the certificate is delivered. */
    readonly blemishes: readonly string[];
}

export function successNotice({ facts, reason, secretArn, isSealed, troubleSince, blemishes }: Success): Notice {
    return {
        subject: `New certificate for ${facts.names[0]}, valid until ${day(facts.notAfter)}`,
        body: lines([
            `A certificate for ${facts.names.join(", ")} was issued: ${reason}.`,
            ...(troubleSince === undefined ? [] : [`It had failed since ${troubleSince}; that is over.`]),
            ...blemishes.map((blemish) => `Look after this: ${blemish}`),
            "",
            `Serial number: ${facts.serialNumber}`,
            `Valid until:   ${facts.notAfter.toISOString()}`,
            `Renewed from:  ${renewalDueAt(facts).toISOString()}, by itself, or when the authority wishes`,
            `Authority:     ${facts.directoryUrl}`,
            ...(facts.profile ? [`Profile:       ${facts.profile}`] : []),
            `Secret:        ${secretArn}`,
            "",
            ...(isSealed
                ? ["Tasks started from now on get it, and those with the rotation hot take it up within a minute."]
                : [
                      "Tasks started from now on get it. A task that runs already keeps the certificate it started with: replace it in time",
                      "(a service: aws ecs update-service --force-new-deployment).",
                  ]),
        ]),
    };
}

export function failureNotice(
    error: Refusal,
    delivered: Delivered | undefined,
    now: Date,
    { functionName, awsRequestId }: LambdaContext,
    trouble?: Pick<Trouble, "since">,
    nextAttempt?: string,
): Notice {
    const advice = adviceOn(error);
    return {
        subject: `Certificate NOT renewed (${error.name})`,
        body: lines([
            "The certificate could not be issued:",
            "",
            `${error.name}: ${error.message}`,
            ...(error.type ? [`Problem type: ${error.type}`] : []),
            ...(advice === undefined ? [] : ["", advice]),
            "",
            standing(delivered, now),
            ...(trouble === undefined || Date.parse(trouble.since) === now.getTime()
                ? []
                : [`It has failed since ${trouble.since}.`]),
            "",
            nextAttempt === undefined
                ? "The next scheduled run tries again. Once the cause is mended, this tries at once:"
                : `The next attempt is made after ${nextAttempt}. Once the cause is mended, this tries at once:`,
            `    aws lambda invoke --function-name ${functionName} --cli-binary-format raw-in-base64-out --payload '{"force":true}' out.json`,
            "You are told again when it is over, and when 14, 7, 3 and 1 days are left.",
            `Its log, request ${awsRequestId}, tells more.`,
        ]),
    };
}

/** What went wrong is over without a new certificate: none is needed. */
export function recoveryNotice({ since, name }: Trouble, delivered: Delivered, now: Date): Notice {
    return {
        subject: `Certificate: no trouble any more (${name})`,
        body: lines([`What was wrong since ${since} is over.`, "", standing(delivered, now)]),
    };
}

/** What a person can do about a problem of the authority (RFC 8555, section 6.7), where its own words do not say it. */
function adviceOn({ type = "" }: Refusal): string | undefined {
    const advice: Record<string, string> = {
        caa: "A CAA record forbids this authority: let it in, or take another one.",
        dns: "Its resolvers could not look the name up: check the delegation from the parent zone, and DNSSEC.",
        externalAccountRequired: "Give acmeExternalAccount.",
        rateLimited:
            "Its limit is reached. What was ordered is kept and taken up again; do not force it before the time it names.",
        rejectedIdentifier: "It does not issue for such a name: take another domain or another authority.",
        unauthorized:
            "It saw other TXT values than those published: is the hosted zone the one that the parent delegates to?",
        userActionRequired: "It wants something done by hand, as a rule agreement to new terms at the page it names.",
    };
    return advice[type.replace("urn:ietf:params:acme:error:", "")];
}

/** How urgent a failure is. */
function standing(delivered: Delivered | undefined, now: Date): string {
    if (delivered?.state === "none") {
        return "There is no certificate yet: no task can start with one.";
    }
    if (delivered?.state !== "usable") {
        return "Whether the certificate that tasks get now is good is not known.";
    }
    const { notAfter } = delivered.facts;
    const days = Math.floor((notAfter.getTime() - now.getTime()) / 86_400_000);
    return notAfter <= now
        ? `The certificate that tasks get now EXPIRED at ${notAfter.toISOString()}: clients refuse it.`
        : `Tasks keep getting the present certificate, which is valid until ${notAfter.toISOString()} (${days} days).`;
}

export async function notify(topicArn: string, { subject, body }: Notice, deadline: number): Promise<void> {
    const { PublishCommand, SNSClient } = load("@aws-sdk/client-sns");
    const sns = new SNSClient(clientSettings());
    // SNS takes a subject of fewer than 100 characters.
    const Subject = subject.length < 100 ? subject : `${subject.slice(0, 96)}...`;
    const command = new PublishCommand({ TopicArn: topicArn, Subject, Message: body });
    await call(`sns:Publish to ${topicArn}`, deadline, () => sns.send(command));
}

function day(date: Date): string {
    return date.toISOString().slice(0, 10);
}

function lines(texts: readonly string[]): string {
    return texts.join("\n");
}
