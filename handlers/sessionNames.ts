// The names that the component gives and the functions go by.

/** Which Sessions it belongs to, by name. */
export const ownerTag = "taskgate:sessions";
export const keyTag = "taskgate:session";
export const tenantTag = "taskgate:tenant";
export const fenceTag = "taskgate:fence";

/** The sparse indexes of the table of the sessions that are not ENDED: of all, and of a tenant's. */
export const OPEN_INDEX = "open";
export const TENANT_INDEX = "tenant";

/** By what a task tells that it ended by itself: the exit code of the container that watches its Envoy. */
export const watcher = {
    container: "lifecycle",
    /** Nobody had used it for its `idleTimeout`. */
    idle: 10,
    /** Its `maxLifetime` was over. */
    lifetime: 11,
} as const;

/** Who tells EventBridge that a session's time is nearly over, and how such an event is called. */
export const END_EVENT = { source: "taskgate", detailType: "Session Ending Soon" } as const;

/** Below it are the routes of those who call by IAM: their policies say by the path for which tenant they may. No key of a session begins so. */
export const TENANT_PATH = "/_tenants/{tenant}";

/** The query parameter from which the sidecar of a task takes a token. It makes a cookie of it, and leads on without. */
export const LINK_PARAMETER = "taskgate-token";
