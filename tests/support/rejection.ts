/** The error for which an output has no value. */
export async function rejectionOf(output: unknown): Promise<Error> {
    const { promise } = output as { promise: () => Promise<unknown> };
    let value: unknown;
    try {
        value = await promise.call(output);
    } catch (error) {
        return error as Error;
    }
    throw new Error(`The output has the value ${JSON.stringify(value)}`);
}

/** The messages of the errors that nobody takes while it runs. */
export async function unhandledDuring(run: () => Promise<unknown>): Promise<string[]> {
    const messages = new Set<string>();
    const others = process.listeners("unhandledRejection");
    process
        .removeAllListeners("unhandledRejection")
        .on("unhandledRejection", (error: Error) => void messages.add(error.message));
    try {
        await run();
        await new Promise((resolve) => setImmediate(resolve));
    } finally {
        process.removeAllListeners("unhandledRejection");
        others.forEach((listener) => process.on("unhandledRejection", listener));
    }
    return [...messages];
}
