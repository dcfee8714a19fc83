import { judgeAnswer } from "./answer";
import type { HttpAnswer } from "./answer";
import type { Fault } from "./judge";

/** Of what the emulator answers itself, and why nobody is misled by it. */
interface Misfit {
    readonly operations: RegExp;
    /** As the model's reason names it. */
    readonly paths: RegExp;
    readonly reason: string;
}

const ec2 = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference";
const beside = "beside what AWS tells, where no client looks: what a model does not have is not read";
const overlaid = "the local system's own overlay answers; the emulator alone does in tests of the provider";

/** By signing name. */
export const misfits: Readonly<Record<string, readonly Misfit[]>> = {
    acm: [{ operations: /^DescribeCertificate$/, paths: /^certificate\.Tags$/i, reason: overlaid }],
    ec2: [
        {
            operations: /./,
            paths: /^return$/,
            reason: `EC2 says so itself, though its model does not (${ec2}/API_CreateSecurityGroup.html)`,
        },
        {
            operations: /^DescribeInternetGateways$/,
            paths: /^internetGateways\.\d+\.attachments\.\d+\.state$/,
            reason: `the word is EC2's own (${ec2}/API_InternetGatewayAttachment.html)`,
        },
        {
            operations: /^(Create|Describe)VpcEndpoints?$/,
            paths: /^vpcEndpoints?(\.\d+)?\.state$/,
            reason: `EC2 writes it small (${ec2}/API_CreateVpcEndpoint.html), its model does not`,
        },
        {
            operations: /^(CreateVpc|DescribeVpcs)$/,
            paths: /^vpcs?(\.\d+)?\.(defaultNetworkAclId|defaultSecurityGroupId|mainRouteTableId)$/,
            reason: beside,
        },
    ],
    ecs: [{ operations: /TaskDefinition$/, paths: /^taskDefinition\.(pidMode|ipcMode)$/, reason: overlaid }],
    lambda: [
        {
            operations: /Function|Configuration/,
            paths: /(^|\.)(stateReasonCode|lastUpdateStatusReasonCode)$/,
            reason: "empty where there is no reason, and Updating beside a state that is Active: the provider reads the state alone",
        },
        { operations: /EventSourceMapping$/, paths: /^(Qualifier|Tags)$/, reason: beside },
    ],
    route53: [
        {
            operations: /HealthCheck$/,
            paths: /^healthCheck\.healthCheckConfig\.(inverted|disabled)$/,
            reason: overlaid,
        },
    ],
};

/** What does not fit AWS's model in what the emulator has answered, and is not known. */
export function misfitsOf(service: string, operation: string, answer: HttpAnswer): readonly Fault[] {
    const known = (misfits[service] ?? []).filter(({ operations }) => operations.test(operation));
    return judgeAnswer(service, operation, answer).filter(({ path }) => !known.some(({ paths }) => paths.test(path)));
}
