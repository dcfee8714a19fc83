// The names that the component gives and the function goes by.

/** Who tells EventBridge what patching asks of others, and how such events are called. */
export const TASK_EVENT = { source: "taskgate", detailType: "Task Replacement Due" } as const;
export const IMAGE_EVENT = { source: "taskgate", detailType: "Image Rebuild Due" } as const;

/** By which AWS Health tells that Fargate retires what tasks run on (docs.aws.amazon.com/AmazonECS, task-maintenance). */
export const RETIREMENT = {
    source: "aws.health",
    detailType: "AWS Health Event",
    service: "ECS",
    eventTypeCode: "AWS_ECS_TASK_PATCHING_RETIREMENT",
} as const;

/** The tag by which the owner of a task that no service keeps says when it may be stopped. */
export const STOP_AT_TAG = "taskgate:stop-at";

/** How often the function looks, in minutes. */
export const LOOK_MINUTES = 5;

/** How long a look may take, in seconds: it ends before the next one begins. */
export const LOOK_SECONDS = 240;

/** The objects of its bucket: what a run leaves to the next, what everybody may read, and the notices of retirements. */
export const STATE_OBJECT = "state.json";
export const REPORT_OBJECT = "report.json";
export const RETIREMENT_OBJECTS = "retirements/";
