// What an Application Load Balancer asks of a request before it passes it on.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Sign-in by an Amazon Cognito user pool. */
export interface CognitoSignIn {
    /** ARN of the user pool. */
    readonly userPoolArn: pulumi.Input<string>;
    /** Id of the user pool's client; it has a secret, and allows `https://<host>/oauth2/idpresponse` as callback. */
    readonly userPoolClientId: pulumi.Input<string>;
    /** Domain prefix or full domain of the user pool's sign-in page. */
    readonly userPoolDomain: pulumi.Input<string>;
}

/** Sign-in by an OpenID Connect provider; each URL begins with https. */
export interface OidcSignIn {
    /** The provider's issuer URL. */
    readonly issuer: pulumi.Input<string>;
    /** Where users sign in. */
    readonly authorizationEndpoint: pulumi.Input<string>;
    /** Where the load balancer gets tokens. */
    readonly tokenEndpoint: pulumi.Input<string>;
    /** Where the load balancer gets what is known about a user. */
    readonly userInfoEndpoint: pulumi.Input<string>;
    /** Id of the client; it allows `https://<host>/oauth2/idpresponse` as callback. */
    readonly clientId: pulumi.Input<string>;
    /** Secret of the client; encrypted in Pulumi's state. */
    readonly clientSecret: pulumi.Input<string>;
}

/** Bearer tokens, for programs: a request without a valid one is answered 401. */
export interface JwtValidation {
    /** Who issues the tokens, as in their `iss` claim. */
    readonly issuer: pulumi.Input<string>;
    /** Where the issuer's public keys are; begins with https. */
    readonly jwksEndpoint: pulumi.Input<string>;
}

/** At most one of them. */
export interface SignIn {
    readonly cognito?: CognitoSignIn;
    readonly oidc?: OidcSignIn;
    readonly jwt?: JwtValidation;
}

type Action = aws.types.input.lb.ListenerRuleAction & aws.types.input.lb.ListenerDefaultAction;

/** Sign-in if it was asked for, then on to the target group. */
export function forwardActions({ cognito, oidc, jwt }: SignIn, targetGroupArn: pulumi.Input<string>): Action[] {
    const forward = { type: "forward", targetGroupArn };
    const signIn = (action: Action): Action[] => [
        { ...action, order: 1 },
        { ...forward, order: 2 },
    ];
    if (cognito !== undefined) {
        return signIn({ type: "authenticate-cognito", authenticateCognito: { ...cognito } });
    }
    if (oidc !== undefined) {
        const clientSecret = pulumi.secret(oidc.clientSecret);
        return signIn({ type: "authenticate-oidc", authenticateOidc: { ...oidc, clientSecret } });
    }
    return jwt === undefined ? [forward] : signIn({ type: "jwt-validation", jwtValidation: { ...jwt } });
}
