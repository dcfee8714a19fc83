import { call, clientSettings, type LambdaContext, poll } from "./calls";
import { required } from "./environment";
import { load } from "./load";
import { log } from "./log";

/** A deployment says what it is about; a scheduled run has other fields. */
export interface ImportEvent {
    readonly tf?: { readonly action: "create" | "update" | "delete" };
}

export interface ImportResult {
    /** Empty when there is none (any more). */
    readonly certificateArn: string;
    readonly imported: boolean;
}

/** What the parameter remembers: where the certificate was imported, and which one. */
interface Imported {
    readonly certificateArn: string;
    readonly serialNumber: string;
}

interface Secret {
    readonly certificateChain: string;
    readonly privateKey: string;
    readonly serialNumber: string;
}

/**
 * Brings the certificate of the secret into ACM, always under the same ARN, when it is another than the one that is there. A deployment
 * waits for the first certificate; its end takes the certificate out of ACM.
 */
export async function importCertificate(event: ImportEvent | null, context: LambdaContext): Promise<ImportResult> {
    const [secretArn, parameter] = ["SECRET_ARN", "IMPORT_PARAMETER"].map((name) => required(name));
    const deadline = Date.now() + context.getRemainingTimeInMillis() - 1_000;
    const { ACMClient, DeleteCertificateCommand, ImportCertificateCommand } = load("@aws-sdk/client-acm");
    const { DeleteParameterCommand, PutParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const acm = new ACMClient(clientSettings());
    const ssm = new SSMClient(clientSettings());
    const before = await readImported(parameter, deadline);

    if (event?.tf?.action === "delete") {
        if (before !== undefined) {
            // ACM takes it for in use for some time after its last listener has gone.
            await poll(`The end of the use of ${before.certificateArn}`, deadline, async () => {
                try {
                    await call(`acm:DeleteCertificate of ${before.certificateArn}`, deadline, () =>
                        acm.send(new DeleteCertificateCommand({ CertificateArn: before.certificateArn })),
                    );
                } catch (error) {
                    if ((error as Error).name === "ResourceInUseException") {
                        return undefined;
                    }
                    if ((error as Error).name !== "ResourceNotFoundException") {
                        throw error;
                    }
                }
                return true;
            });
            await call(`ssm:DeleteParameter of ${parameter}`, deadline, () =>
                ssm.send(new DeleteParameterCommand({ Name: parameter })),
            );
        }
        return { certificateArn: "", imported: false };
    }
    const secret =
        event?.tf === undefined
            ? await readSecret(secretArn, deadline)
            : await poll("The first certificate", deadline, () => readSecret(secretArn, deadline));
    if (secret === undefined || secret.serialNumber === before?.serialNumber) {
        return { certificateArn: before?.certificateArn ?? "", imported: false };
    }
    const [leaf, ...chain] = secret.certificateChain.match(/-----BEGIN [^]+?-----END CERTIFICATE-----/g) ?? [];
    const { CertificateArn: certificateArn = "" } = await call("acm:ImportCertificate", deadline, () =>
        acm.send(
            new ImportCertificateCommand({
                CertificateArn: before?.certificateArn,
                Certificate: Buffer.from(leaf ?? ""),
                CertificateChain: Buffer.from(chain.join("\n")),
                PrivateKey: Buffer.from(secret.privateKey),
                // Tags are for a new certificate only; they say what this function may touch.
                Tags: before === undefined ? [{ Key: "taskgate:secret", Value: secretArn }] : undefined,
            }),
        ),
    );
    const imported: Imported = { certificateArn, serialNumber: secret.serialNumber };
    await call(`ssm:PutParameter of ${parameter}`, deadline, () =>
        ssm.send(
            new PutParameterCommand({
                Name: parameter,
                Value: JSON.stringify(imported),
                Type: "String",
                Overwrite: true,
            }),
        ),
    );
    log("info", "certificate imported", imported);
    return { certificateArn, imported: true };
}

async function readImported(parameter: string, deadline: number): Promise<Imported | undefined> {
    const { GetParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    try {
        const { Parameter } = await call(`ssm:GetParameter of ${parameter}`, deadline, () =>
            ssm.send(new GetParameterCommand({ Name: parameter })),
        );
        return JSON.parse(Parameter?.Value ?? "") as Imported;
    } catch (error) {
        if ((error as Error).name === "ParameterNotFound") {
            return undefined;
        }
        throw error;
    }
}

/** undefined as long as no certificate was issued. */
async function readSecret(secretArn: string, deadline: number): Promise<Secret | undefined> {
    const { GetSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const secretsManager = new SecretsManagerClient(clientSettings());
    try {
        const { SecretString } = await call(`secretsmanager:GetSecretValue of ${secretArn}`, deadline, () =>
            secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn })),
        );
        return SecretString === undefined ? undefined : (JSON.parse(SecretString) as Secret);
    } catch (error) {
        const { name, message } = error as Error;
        if (name === "ResourceNotFoundException" && /secret value/.test(message)) {
            return undefined;
        }
        throw error;
    }
}
