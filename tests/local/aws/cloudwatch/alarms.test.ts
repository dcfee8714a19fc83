import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { expect } from "chai";

import { clientConfig } from "../../../../local/machine/awsClients";
import { accountId, type Emulator, startEmulator } from "../../../support/emulator";

describe("alarms", () => {
    let emulator: Emulator;

    before(async () => {
        emulator = await startEmulator({ overlays: [] });
    });
    after(() => emulator?.stop());

    it("look at the metric of their own dimensions alone", async () => {
        const cloudwatch = new CloudWatch(clientConfig(emulator.url, { accountId, region: "eu-west-1" }));
        const metric = { Namespace: "AWS/Lambda", MetricName: "Errors" };
        const alarms = { "first-alarm": "first", "second-alarm": "second", "of-no-function": undefined };
        for (const [AlarmName, Value] of Object.entries(alarms)) {
            await cloudwatch.putMetricAlarm({
                ...{ ...metric, AlarmName, Statistic: "Sum", Period: 300, EvaluationPeriods: 1, Threshold: 0 },
                ComparisonOperator: "GreaterThanThreshold",
                Dimensions: Value === undefined ? [] : [{ Name: "FunctionName", Value }],
            });
        }
        const fails = async (Value: string, errors: number) => {
            const Dimensions = [{ Name: "FunctionName", Value }];
            await cloudwatch.putMetricData({
                Namespace: "AWS/Lambda",
                MetricData: [{ MetricName: "Errors", Dimensions, Value: errors }],
            });
            const { MetricAlarms = [] } = await cloudwatch.describeAlarms({ AlarmNames: Object.keys(alarms) });
            return Object.fromEntries(MetricAlarms.map(({ AlarmName = "", StateValue }) => [AlarmName, StateValue]));
        };
        const silent = { "of-no-function": "INSUFFICIENT_DATA" };

        expect(await fails("second", 0)).to.deep.equal({
            ...{ ...silent, "first-alarm": "INSUFFICIENT_DATA", "second-alarm": "OK" },
        });
        expect(await fails("first", 3)).to.deep.equal({ ...silent, "first-alarm": "ALARM", "second-alarm": "OK" });
        expect(await fails("second", 2)).to.deep.equal({ ...silent, "first-alarm": "ALARM", "second-alarm": "ALARM" });
    });
});
