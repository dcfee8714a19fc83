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
