import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';

const { INDEXED_VALUE_TYPE_KEYWORD: KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType;
/** gRPC's status code. */
const ALREADY_EXISTS = 6;

/**
 * Registers a search attribute of type Keyword where it is missing.
 *
 * @returns what it was before: of `another type` it is left as it is, and workflows that set it cannot go on.
 */
export async function ensureKeyword(
  { operatorService }: Pick<Connection, 'operatorService'>,
  namespace: string,
  name: string,
): Promise<'absent' | 'another type' | 'as it should be'> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const type = customAttributes[name];
  if (type !== undefined) return type === KEYWORD ? 'as it should be' : 'another type';
  try {
    await operatorService.addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } });
    return 'absent';
  } catch (error) {
    // Somebody else has registered it meanwhile.
    if (!isGrpcServiceError(error) || Number(error.code) !== ALREADY_EXISTS) throw error;
    return 'as it should be';
  }
}
