// What runs inside a function's process: Lambda's Node.js runtime in small. Its orders and its answers, log lines
// included, go over the one IPC channel, so that they keep their order.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const { AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_FUNCTION_MEMORY_SIZE } = process.env;
const { AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME, LAMBDA_TASK_ROOT, _HANDLER } = process.env;

const send = process.send.bind(process);
process.send = undefined; // the channel is not the function's
process.once("disconnect", () => process.exit());

let requestId;

for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk, encoding, callback) => {
        send({ type: "log", text: typeof chunk === "string" ? chunk : Buffer.from(chunk).toString() });
        (typeof encoding === "function" ? encoding : callback)?.();
        return true;
    };
}
const levels = { log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR" };
for (const [method, level] of Object.entries(levels)) {
    console[method] = (...parts) => {
        // A line feed would end the log event.
        const message = format(...parts).replaceAll("\n", "\r");
        process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${message}\n`);
    };
}

class RuntimeError extends Error {
    constructor(name, message) {
        super(message);
        this.name = name;
    }
}

function describe(error) {
    return error instanceof Error
        ? { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") }
        : { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function loadHandler() {
    const [, file, names] = /^(.*?)\.([^/]*)$/.exec(_HANDLER) ?? [];
    if (!file) {
        throw new RuntimeError("Runtime.MalformedHandlerName", `Bad handler "${_HANDLER}": expected <file>.<export>.`);
    }
    const path = [".js", ".mjs", ".cjs"].map((ending) => join(LAMBDA_TASK_ROOT, file + ending)).find(existsSync);
    if (!path) {
        throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${file}'`);
    }
    let module;
    try {
        module = path.endsWith(".mjs") ? await import(pathToFileURL(path)) : createRequire(path)(path);
    } catch (error) {
        if (error instanceof SyntaxError) {
            throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error));
        }
        if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
            throw new RuntimeError("Runtime.ImportModuleError", String(error));
        }
        throw error;
    }
    const handler = names.split(".").reduce((value, name) => value?.[name], module);
    if (typeof handler !== "function") {
        throw new RuntimeError("Runtime.HandlerNotFound", `${_HANDLER} is undefined or not exported`);
    }
    if (handler.length > 2) {
        throw new RuntimeError(
            "Runtime.CallbackHandlerDeprecated",
            "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
                "You need to modify this function to use a supported handler signature to use Node.js 24 or later.",
        );
    }
    return handler;
}

async function invoke(handler, order) {
    requestId = order.requestId;
    const context = {
        functionName: AWS_LAMBDA_FUNCTION_NAME,
        functionVersion: AWS_LAMBDA_FUNCTION_VERSION,
        invokedFunctionArn: order.invokedFunctionArn,
        memoryLimitInMB: AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
        awsRequestId: order.requestId,
        logGroupName: AWS_LAMBDA_LOG_GROUP_NAME,
        logStreamName: AWS_LAMBDA_LOG_STREAM_NAME,
        getRemainingTimeInMillis: () => Math.max(0, order.deadline - Date.now()),
    };
    try {
        const value = await handler(JSON.parse(order.payload), context);
        return { payload: JSON.stringify(value) ?? "null" };
    } catch (error) {
        const described = describe(error);
        const { trace: stack, ...rest } = described;
        console.error("Invoke Error", JSON.stringify({ ...rest, ...(error instanceof Error && error), stack }));
        return { error: described, isFinal: false };
    }
}

function finish(answer, then) {
    const maxMemoryMb = Math.ceil(process.memoryUsage.rss() / 2 ** 20);
    send({ type: "result", maxMemoryMb, ...answer }, then);
}

function die(error, exitCode) {
    console.error(error.errorType, JSON.stringify(error));
    finish({ error, isFinal: true }, () => process.exit(exitCode));
}

process.on("uncaughtException", (error) => die(describe(error), 129));
process.on("unhandledRejection", (reason) => {
    const { errorMessage, trace } = describe(reason);
    const described = reason instanceof Error ? `${reason.name}: ${errorMessage}` : errorMessage;
    die({ errorType: "Runtime.UnhandledPromiseRejection", errorMessage: described, trace }, 128);
});

let handler;
try {
    handler = await loadHandler();
} catch (error) {
    const described = describe(error);
    console.error("Uncaught Exception", JSON.stringify(described));
    send({ type: "ready", error: described }, () => process.exit(1));
}
if (handler) {
    process.on("message", (order) => void invoke(handler, order).then((answer) => finish(answer)));
    send({ type: "ready" });
}
