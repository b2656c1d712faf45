import type { Assigner, GroupMember, PartitionAssigner } from 'kafkajs'
import kafkajs from 'kafkajs'

const { AssignerProtocol } = kafkajs
const HOLDING = Buffer.from('holding')
const WAITING = Buffer.from('waiting')

/**
 * Gives every partition to one member. A lake has one writer, so splitting a topic over members
 * could only make each of them fail at its first commit. Who holds the partitions keeps them when
 * another member joins; that one stands by. Members say in the join whether they hold.
 */
export function holderAssigner(isHolding: () => boolean): PartitionAssigner {
  return ({ cluster }): Assigner => ({
    name: 'SluiceHolder',
    version: 0,
    protocol: ({ topics }) => ({
      name: 'SluiceHolder',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: 0,
        topics,
        userData: isHolding() ? HOLDING : WAITING,
      }),
    }),
    assign: ({ members, topics }) => {
      const holder = holderOf(members)
      const all: Record<string, number[]> = {}
      for (const topic of topics) {
        const partitions = cluster.findTopicPartitionMetadata(topic)
        all[topic] = partitions.map(({ partitionId }) => partitionId).sort((a, b) => a - b)
      }
      return Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: 0,
            assignment: memberId === holder ? all : {},
            userData: Buffer.alloc(0),
          }),
        })),
      )
    },
  })
}

/** The member that holds already, else the first by id: every leader decides the same. */
function holderOf(members: readonly GroupMember[]): string | undefined {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const holding = sorted.find(({ memberMetadata }) =>
    AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData.equals(HOLDING),
  )
  return (holding ?? sorted[0])?.memberId
}
