import type { ApiArgs, ApiState } from "@pulumi/aws/apigatewayv2/api";
import type { AuthorizerArgs, AuthorizerState } from "@pulumi/aws/apigatewayv2/authorizer";
import type { IntegrationArgs, IntegrationState } from "@pulumi/aws/apigatewayv2/integration";
import type { RouteArgs, RouteState } from "@pulumi/aws/apigatewayv2/route";
import type { StageArgs, StageState } from "@pulumi/aws/apigatewayv2/stage";
import {
    adapter,
    type Adapters,
    type Change,
    changeTags,
    fields,
    type Inputs,
    service,
    tagsAll,
} from "../resources/adapter";
import type { Aws } from "../resources/sdk";
import { pascalKeys } from "../resources/values";
import { endpointOf } from "./endpoint";

const gone = ["NotFoundException"];

export const apigatewayv2: Adapters = service("API Gateway v2", {
    "apigatewayv2/api:Api": adapter<ApiArgs, ApiState>({
        taggable: true,
        autoName: { property: "name", maxLength: 128 },
        defaults: { apiKeySelectionExpression: "$request.header.x-api-key" },
        replaceOn: ["protocolType"],
        refuses: ["body", "credentialsArn", "routeKey", "target"],
        gone,
        async create(aws, inputs) {
            const { ApiId } = await aws.apigatewayv2.createApi({
                ...apiSettings(inputs),
                ProtocolType: inputs.protocolType as "HTTP",
                Tags: inputs.tagsAll,
            });
            return {
                id: ApiId!,
                apiEndpoint: endpointOf(ApiId!, aws.region),
                arn: apiArn(aws, ApiId!),
                executionArn: aws.arn("execute-api", ApiId!),
            };
        },
        async update(aws, change) {
            await aws.apigatewayv2.updateApi({ ...apiSettings(change.inputs), ApiId: change.id });
            await changeTagsOf(aws, change, apiArn(aws, change.id));
        },
        delete: (aws, { id }) => aws.apigatewayv2.deleteApi({ ApiId: id }),
        async read(aws, { id }) {
            const found = await aws.apigatewayv2.getApi({ ApiId: id });
            return {
                ...fields(found, "name", "description", "version", "disableExecuteApiEndpoint", "corsConfiguration"),
                ...(await tagsOf(aws, apiArn(aws, id))),
            };
        },
    }),
    "apigatewayv2/authorizer:Authorizer": adapter<AuthorizerArgs, AuthorizerState>({
        autoName: { property: "name", maxLength: 128 },
        replaceOn: ["apiId"],
        refuses: ["authorizerUri", "authorizerCredentialsArn"],
        gone,
        async create(aws, inputs) {
            const { AuthorizerId } = await aws.apigatewayv2.createAuthorizer(authorizer(inputs));
            return { id: AuthorizerId! };
        },
        async update(aws, { id, inputs }) {
            await aws.apigatewayv2.updateAuthorizer({ ...authorizer(inputs), AuthorizerId: id });
        },
        delete: (aws, { id, inputs }) => aws.apigatewayv2.deleteAuthorizer({ ApiId: inputs.apiId, AuthorizerId: id }),
        async read(aws, { id, inputs }) {
            const found = await aws.apigatewayv2.getAuthorizer({ ApiId: inputs.apiId, AuthorizerId: id });
            const { Issuer: issuer, Audience: audiences } = found.JwtConfiguration ?? {};
            return {
                ...fields(found, "name", "authorizerType"),
                ...{ identitySources: found.IdentitySource, jwtConfiguration: { issuer, audiences } },
            };
        },
    }),
    "apigatewayv2/integration:Integration": adapter<IntegrationArgs, IntegrationState>({
        defaults: { connectionType: "INTERNET", payloadFormatVersion: "1.0", timeoutMilliseconds: 30_000 },
        replaceOn: ["apiId", "integrationType"],
        refuses: ["integrationSubtype", "requestParameters", "responseParameters", "tlsConfig"],
        gone,
        async create(aws, inputs) {
            const { IntegrationId } = await aws.apigatewayv2.createIntegration({
                ...integration(inputs),
                IntegrationType: inputs.integrationType as "AWS_PROXY",
            });
            return { id: IntegrationId! };
        },
        async update(aws, { id, inputs }) {
            await aws.apigatewayv2.updateIntegration({ ...integration(inputs), IntegrationId: id });
        },
        delete: (aws, { id, inputs }) => aws.apigatewayv2.deleteIntegration({ ApiId: inputs.apiId, IntegrationId: id }),
        async read(aws, { id, inputs }) {
            const found = await aws.apigatewayv2.getIntegration({ ApiId: inputs.apiId, IntegrationId: id });
            return {
                ...fields(found, "connectionType", "description", "integrationMethod", "integrationUri"),
                ...{ payloadFormatVersion: found.PayloadFormatVersion, timeoutMilliseconds: found.TimeoutInMillis },
            };
        },
    }),
    "apigatewayv2/route:Route": adapter<RouteArgs, RouteState>({
        defaults: { authorizationType: "NONE", apiKeyRequired: false },
        replaceOn: ["apiId"],
        refuses: ["requestModels", "requestParameters"],
        gone,
        async create(aws, inputs) {
            const { RouteId } = await aws.apigatewayv2.createRoute(route(inputs));
            return { id: RouteId! };
        },
        async update(aws, { id, inputs }) {
            await aws.apigatewayv2.updateRoute({ ...route(inputs), RouteId: id });
        },
        delete: (aws, { id, inputs }) => aws.apigatewayv2.deleteRoute({ ApiId: inputs.apiId, RouteId: id }),
        async read(aws, { id, inputs }) {
            const found = await aws.apigatewayv2.getRoute({ ApiId: inputs.apiId, RouteId: id });
            const authorization = ["authorizationType", "authorizationScopes", "authorizerId"] as const;
            return fields(found, "routeKey", "target", ...authorization);
        },
    }),
    "apigatewayv2/stage:Stage": adapter<StageArgs, StageState>({
        taggable: true,
        autoName: { property: "name", maxLength: 128 },
        defaults: { autoDeploy: false },
        replaceOn: ["apiId", "name"],
        refuses: ["accessLogSettings", "deploymentId", "routeSettings", "stageVariables"],
        gone,
        async create(aws, inputs) {
            await aws.apigatewayv2.createStage({ ...stage(inputs), Tags: inputs.tagsAll });
            const url = endpointOf(inputs.apiId, aws.region);
            return {
                id: inputs.name!,
                arn: `${apiArn(aws, inputs.apiId)}/stages/${inputs.name}`,
                executionArn: aws.arn("execute-api", `${inputs.apiId}/${inputs.name}`),
                invokeUrl: inputs.name === "$default" ? `${url}/` : `${url}/${inputs.name}`,
            };
        },
        async update(aws, change) {
            await aws.apigatewayv2.updateStage(stage(change.inputs));
            await changeTagsOf(aws, change, `${apiArn(aws, change.inputs.apiId)}/stages/${change.id}`);
        },
        delete: (aws, { id, inputs }) => aws.apigatewayv2.deleteStage({ ApiId: inputs.apiId, StageName: id }),
        async read(aws, { id, inputs }) {
            const found = await aws.apigatewayv2.getStage({ ApiId: inputs.apiId, StageName: id });
            return {
                ...fields(found, "autoDeploy", "description", "defaultRouteSettings"),
                ...(await tagsOf(aws, `${apiArn(aws, inputs.apiId)}/stages/${id}`)),
            };
        },
    }),
});

function apiArn(aws: Aws, id: string): string {
    return `arn:aws:apigateway:${aws.region}::/apis/${id}`;
}

/** By themselves: the emulator's answers for an API and a stage have the tags that these were made with. */
async function tagsOf(aws: Aws, ResourceArn: string): Promise<object> {
    return tagsAll((await aws.apigatewayv2.getTags({ ResourceArn })).Tags);
}

function changeTagsOf(aws: Aws, change: Change<unknown, unknown>, ResourceArn: string): Promise<void> {
    return changeTags(
        change,
        (Tags) => aws.apigatewayv2.tagResource({ ResourceArn, Tags }),
        (TagKeys) => aws.apigatewayv2.untagResource({ ResourceArn, TagKeys }),
    );
}

function apiSettings(inputs: Inputs<ApiArgs>) {
    return {
        Name: inputs.name,
        Description: inputs.description,
        Version: inputs.version,
        DisableExecuteApiEndpoint: inputs.disableExecuteApiEndpoint,
        CorsConfiguration: pascalKeys(inputs.corsConfiguration) as object | undefined,
    };
}

function authorizer(inputs: Inputs<AuthorizerArgs>) {
    return {
        ApiId: inputs.apiId,
        Name: inputs.name,
        AuthorizerType: inputs.authorizerType as "JWT",
        IdentitySource: inputs.identitySources,
        JwtConfiguration: inputs.jwtConfiguration && {
            Issuer: inputs.jwtConfiguration.issuer,
            Audience: inputs.jwtConfiguration.audiences,
        },
    };
}

function integration(inputs: Inputs<IntegrationArgs>) {
    return {
        ApiId: inputs.apiId,
        Description: inputs.description,
        IntegrationMethod: inputs.integrationMethod ?? "POST",
        IntegrationUri: inputs.integrationUri,
        ConnectionType: inputs.connectionType as "INTERNET",
        PayloadFormatVersion: inputs.payloadFormatVersion,
        TimeoutInMillis: inputs.timeoutMilliseconds,
    };
}

function route(inputs: Inputs<RouteArgs>) {
    return {
        ApiId: inputs.apiId,
        RouteKey: inputs.routeKey,
        Target: inputs.target,
        AuthorizationType: inputs.authorizationType as "JWT",
        AuthorizationScopes: inputs.authorizationScopes,
        AuthorizerId: inputs.authorizerId,
    };
}

function stage(inputs: Inputs<StageArgs>) {
    return {
        ApiId: inputs.apiId,
        StageName: inputs.name,
        AutoDeploy: inputs.autoDeploy,
        Description: inputs.description,
        DefaultRouteSettings: pascalKeys(inputs.defaultRouteSettings) as object | undefined,
    };
}
