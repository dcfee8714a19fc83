import type { CreateScheduleCommandInput } from "@aws-sdk/client-scheduler";

import type { Overlay } from "../gateway/overlay";
import { sendToTarget } from "../gateway/targets";
import type { Identities } from "../permissions/identities";

/**
 * EventBridge Scheduler: a rate() schedule without a start date counts from its creation and invokes its target then, too.
 * The emulator lets the first interval pass.
 */
export function schedulerOverlay(options: {
    readonly gatewayUrl: string;
    readonly log: (text: string) => void;
    readonly identities?: Identities;
}): Overlay {
    return {
        service: "scheduler",
        async handle(request, forward) {
            const answer = await forward(request);
            const isCreation = request.method === "POST" && /^\/schedules\/[^/]+$/.test(request.path);
            if (!isCreation || answer.status !== 200) {
                return answer;
            }
            const schedule = JSON.parse(request.body.toString()) as CreateScheduleCommandInput;
            const { ScheduleExpression = "", StartDate, State = "ENABLED", Target } = schedule;
            if (ScheduleExpression.startsWith("rate(") && StartDate === undefined && State === "ENABLED") {
                const target = { arn: Target!.Arn!, messageGroupId: Target!.SqsParameters?.MessageGroupId };
                const key = options.identities?.keyOfRole(Target!.RoleArn!, "scheduler");
                const scope = { accountId: request.accountId, region: request.region };
                sendToTarget(options.gatewayUrl, scope, target, Target!.Input ?? "{}", key).catch((error: Error) =>
                    options.log(
                        `Schedule ${request.path} could not reach ${target.arn}: ${error.name}: ${error.message}`,
                    ),
                );
            }
            return answer;
        },
    };
}
