// A deployed stack's names, by the credentials at hand. Nothing loads this but `npm run local -- dns --aws`.
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { Route53Client } from "@aws-sdk/client-route-53";

import { readNames, type Names } from "../internet/names";

export function namesOnAws(region: string, functionName: string): Promise<Names> {
    const settings = { region };
    return readNames(
        {
            lambda: new LambdaClient(settings),
            ecs: new ECSClient(settings),
            ec2: new EC2Client(settings),
            dynamodb: new DynamoDBClient(settings),
            route53: new Route53Client(settings),
        },
        functionName,
    );
}
