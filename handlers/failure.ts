/**
 * An error whose name says what went wrong. A function and not a class: a class that a serialised handler
 * captures is no `Error` any more once it runs in Lambda.
 */
export function failure(name: string, message: string): Error {
    return Object.assign(new Error(message), { name });
}

/** The name and message of whatever was thrown, in one line. */
export function describeError(error: unknown): string {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
