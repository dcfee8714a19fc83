import { call, clientSettings, type LambdaContext } from "../calls";
import { load } from "../load";
import { renewalDueAt, type Delivered } from "./decision";
import type { CertificateFacts } from "./facts";

/** What is told to the people who look after the certificate. */
export interface Notice {
    readonly subject: string;
    readonly body: string;
}

export function successNotice(facts: CertificateFacts, reason: string, secretArn: string): Notice {
    return {
        subject: `New certificate for ${facts.names[0]}, valid until ${day(facts.notAfter)}`,
        body: lines([
            `A certificate for ${facts.names.join(", ")} was issued: ${reason}.`,
            "",
            `Serial number: ${facts.serialNumber}`,
            `Valid until:   ${facts.notAfter.toISOString()}`,
            `Renewed from:  ${renewalDueAt(facts).toISOString()}, by itself`,
            `Authority:     ${facts.directoryUrl}`,
            `Secret:        ${secretArn}`,
            "",
            "Tasks started from now on get it. A task that runs already keeps the certificate it started with: replace it in time",
            "(a service: aws ecs update-service --force-new-deployment).",
        ]),
    };
}

export function failureNotice(
    error: Error,
    delivered: Delivered | undefined,
    now: Date,
    { functionName, awsRequestId }: LambdaContext,
): Notice {
    return {
        subject: `Certificate NOT renewed (${error.name})`,
        body: lines([
            "The certificate could not be issued:",
            "",
            `${error.name}: ${error.message}`,
            "",
            standing(delivered, now),
            "",
            "The next scheduled run tries again. Once the cause is mended, this tries at once:",
            `    aws lambda invoke --function-name ${functionName} out.json`,
            `Its log, request ${awsRequestId}, tells more.`,
        ]),
    };
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
