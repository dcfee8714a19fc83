/** One line of JSON on standard output, which Lambda hands to CloudWatch Logs as it is. */
export function log(level: "info" | "warn" | "error", message: string, fields: object = {}): void {
    console.log(JSON.stringify({ level, message, ...fields }));
}
