import { CfnOutput, type Stack } from 'aws-cdk-lib';

/** Names a value in the stack's outputs, exactly so. */
export function output(stack: Stack, name: string, value: string): void {
  new CfnOutput(stack, `${name}Output`, { value }).overrideLogicalId(name);
}
