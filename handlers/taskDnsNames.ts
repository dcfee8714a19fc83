// What the component and its functions agree on.

/** Who tells EventBridge of a name that is live, and how such an event is called. */
export const NAME_EVENT = { source: "taskgate", detailType: "Task Name Live" } as const;
