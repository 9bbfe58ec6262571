import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { allowed } from './refusal.ts';

const { INDEXED_VALUE_TYPE_KEYWORD: KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType;
/** gRPC's status code. */
const ALREADY_EXISTS = 6;

/**
 * Registers a search attribute of type Keyword where it is missing.
 *
 * @returns what it was before: of `another type` it is left as it is, and workflows that set it cannot go on; `refused`
 * where it is missing and may not be registered from here.
 */
export async function ensureKeyword(
  { operatorService }: Pick<Connection, 'operatorService'>,
  namespace: string,
  name: string,
): Promise<'absent' | 'another type' | 'refused' | 'as it should be'> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const type = customAttributes[name];
  if (type !== undefined) return type === KEYWORD ? 'as it should be' : 'another type';
  try {
    const searchAttributes = { [name]: KEYWORD };
    const isAdded = await allowed(() =>
      operatorService.addSearchAttributes({ namespace, searchAttributes }),
    );
    return isAdded ? 'absent' : 'refused';
  } catch (error) {
    // Somebody else has registered it meanwhile.
    if (!isGrpcServiceError(error) || Number(error.code) !== ALREADY_EXISTS) throw error;
    return 'as it should be';
  }
}
