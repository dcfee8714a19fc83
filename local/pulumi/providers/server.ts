import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Properties, withoutNulls } from "../../aws/resources/values";

export interface Checked {
    readonly inputs: Properties;
    readonly failures?: readonly { readonly property: string; readonly reason: string }[];
}

export interface Difference {
    readonly changed: readonly string[];
    /** Those of `changed` that cannot be changed on the resource as it is. */
    readonly replaces: readonly string[];
    readonly deleteBeforeReplace?: boolean;
}

export interface State {
    readonly id: string;
    readonly inputs: Properties;
    readonly outputs: Properties;
}

/** What a provider of resources does. `inputs` are what `check` gave; an error's message is shown as it is. */
export interface Provider {
    readonly version: string;
    /** The provider's own settings, each a string or the JSON of something else. */
    configure(config: Readonly<Record<string, string>>): void;
    check(urn: string, olds: Properties, news: Properties): Checked;
    diff(urn: string, old: State, inputs: Properties): Difference;
    create(urn: string, inputs: Properties, preview: boolean): Promise<{ id: string; outputs: Properties }>;
    update(urn: string, old: State, inputs: Properties, preview: boolean): Promise<Properties>;
    /** undefined: it does not exist (any more). */
    read(urn: string, old: State): Promise<Omit<State, "id"> | undefined>;
    delete(urn: string, old: State): Promise<void>;
    invoke(token: string, args: Properties): Promise<Properties>;
}

/**
 * Serves a provider to the engine that started this process. The SDK's own `pulumi.provider.main` cannot: it drops
 * what the engine sends to Configure (the region), the old inputs of a diff, and previews.
 */
export async function serve(provider: Provider): Promise<void> {
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    server.addService(ResourceProviderService, {
        getPluginInfo: unary(() => new PluginInfo().setVersion(provider.version)),
        configure: unary((request: rpc.ConfigureRequest) => {
            const variables = request.getVariablesMap().getEntryList(); // aws:config:region
            provider.configure(Object.fromEntries(variables.map(([key, value]) => [key.split(":")[2], value])));
            // Secrets and outputs not accepted: the engine sends plain values, and marks results as secret itself.
            return new rpc.ConfigureResponse().setSupportspreview(true);
        }),
        checkConfig: unary((request: rpc.CheckRequest) => new rpc.CheckResponse().setInputs(request.getNews())),
        diffConfig: unary((request: rpc.DiffRequest) => {
            const moved = decode(request.getOldInputs()).region !== decode(request.getNews()).region;
            return differenceResponse(moved ? { changed: ["region"], replaces: ["region"] } : noDifference);
        }),
        check: unary((request: rpc.CheckRequest) => {
            const checked = provider.check(request.getUrn(), decode(request.getOlds()), decode(request.getNews()));
            const failures = (checked.failures ?? []).map(({ property, reason }) =>
                new rpc.CheckFailure().setProperty(property).setReason(reason),
            );
            return new rpc.CheckResponse().setInputs(encode(checked.inputs)).setFailuresList(failures);
        }),
        diff: unary((request: rpc.DiffRequest) => {
            const old = stateOf(request.getId(), request.getOldInputs(), request.getOlds());
            return differenceResponse(provider.diff(request.getUrn(), old, decode(request.getNews())));
        }),
        create: unary(async (request: rpc.CreateRequest) => {
            const inputs = decode(request.getProperties());
            const created = await provider.create(request.getUrn(), inputs, request.getPreview());
            return new rpc.CreateResponse().setId(created.id).setProperties(encode(created.outputs));
        }),
        update: unary(async (request: rpc.UpdateRequest) => {
            const old = stateOf(request.getId(), request.getOldInputs(), request.getOlds());
            const inputs = decode(request.getNews());
            const outputs = await provider.update(request.getUrn(), old, inputs, request.getPreview());
            return new rpc.UpdateResponse().setProperties(encode(outputs));
        }),
        read: unary(async (request: rpc.ReadRequest) => {
            const old = stateOf(request.getId(), request.getInputs(), request.getProperties());
            const found = await provider.read(request.getUrn(), old);
            const response = new rpc.ReadResponse();
            return found
                ? response.setId(old.id).setInputs(encode(found.inputs)).setProperties(encode(found.outputs))
                : response;
        }),
        delete: unary(async (request: rpc.DeleteRequest) => {
            const old = stateOf(request.getId(), request.getOldInputs(), request.getProperties());
            await provider.delete(request.getUrn(), old);
            return new Empty();
        }),
        invoke: unary(async (request: rpc.InvokeRequest) => {
            const result = await provider.invoke(request.getTok(), decode(request.getArgs()));
            return new rpc.InvokeResponse().setReturn(encode(result));
        }),
        cancel: unary(() => new Empty()),
    });
    const port = await new Promise<number>((resolve, reject) =>
        server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
            error ? reject(error) : resolve(bound),
        ),
    );
    endWithParent();
    console.log(port); // the engine reads the port from the first line
}

/** The engine holds our standard input open for as long as it lives. */
export function endWithParent(): void {
    process.stdin.resume().once("end", () => process.exit());
}

const noDifference: Difference = { changed: [], replaces: [] };

function differenceResponse(difference: Difference): rpc.DiffResponse {
    const { DIFF_SOME, DIFF_NONE } = rpc.DiffResponse.DiffChanges;
    return new rpc.DiffResponse()
        .setChanges(difference.changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList([...difference.changed])
        .setReplacesList([...difference.replaces])
        .setDeletebeforereplace(difference.deleteBeforeReplace ?? false);
}

function unary<Request, Response>(handle: (request: Request) => Response | Promise<Response>) {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
        Promise.resolve(call.request)
            .then(handle)
            .then(
                (response) => callback(null, response),
                (error: unknown) =>
                    callback({
                        code: status.UNKNOWN,
                        details: error instanceof Error ? error.message : String(error),
                    }),
            );
    };
}

function stateOf(id: string, inputs: Struct | undefined, outputs: Struct | undefined): State {
    return { id, inputs: decode(inputs), outputs: decode(outputs) };
}

function decode(struct: Struct | undefined): Properties {
    return withoutNulls<Properties>(struct?.toJavaScript() ?? {});
}

function encode(properties: Properties): Struct {
    return Struct.fromJavaScript(withoutNulls(properties) as Record<string, JavaScriptValue>);
}
