import type { CustomerTexts } from './customerText.ts';

/** All that customers read, in English. */
export const ENGLISH: CustomerTexts = {
  orders: {
    received: {
      subject: 'We have received your order {orderId}',
      body: 'Thank you for your order {orderId}. We will write to you as soon as it is paid and on its way.',
    },
    'awaiting-payment': {
      subject: 'Your payment for order {orderId} did not go through',
      body: 'Please choose another payment method for order {orderId}. We keep your order for you for a while.',
    },
    paid: {
      subject: 'We have received your payment for order {orderId}',
      body: 'Thank you for your payment. We are getting your order {orderId} ready.',
    },
    shipped: {
      subject: 'Your order {orderId} is on its way',
      body: 'Your order {orderId} has been handed to the carrier.',
    },
    delivered: {
      subject: 'Your order {orderId} has been delivered',
      body: 'The carrier tells us that your order {orderId} has been delivered. We hope that you enjoy it.',
    },
    rejected: {
      subject: 'We cannot accept your order {orderId}',
      body: 'We are sorry that we cannot accept your order {orderId}. You have not been charged for it.',
    },
    cancelled: {
      subject: 'Your order {orderId} has been cancelled',
      body: 'Your order {orderId} has been cancelled. You are not charged for it; if your bank has set an amount aside, it will let go of it within a few days.',
    },
    refunded: {
      subject: 'Your payment for order {orderId} has been returned',
      body: 'We have returned your payment for order {orderId} to the payment method that you used. Your bank may take a few days to show it.',
    },
  },
  notices: {
    'payment-reminder': {
      subject: 'Your order {orderId} is waiting for your payment',
      body: 'Your order {orderId} has not been paid yet. Please choose a payment method, or we will have to cancel it.',
    },
    'authentication-required': {
      subject: 'Please confirm your payment for order {orderId}',
      body: 'Your bank asks you to confirm the payment for order {orderId}. It is not paid before you have done so.',
    },
    'lines-cancelled': {
      subject: 'A part of your order {orderId} has been cancelled',
      body: 'A part of your order {orderId} has been cancelled. You are not charged for it, or get back what you have paid for it; the rest of your order goes on.',
    },
    'shipment-dispatched': {
      subject: 'A parcel of your order {orderId} is on its way',
      body: 'A parcel of your order {orderId} has been handed to the carrier.',
    },
    'shipment-delivered': {
      subject: 'A parcel of your order {orderId} has been delivered',
      body: 'The carrier tells us that a parcel of your order {orderId} has been delivered.',
    },
    'shipment-lost': {
      subject: 'A parcel of your order {orderId} has been lost',
      body: 'We are sorry: the carrier has lost a parcel of your order {orderId}. We will send its contents once more or return what you paid for them; there is nothing that you have to do.',
    },
    'shipment-returned': {
      subject: 'A parcel of your order {orderId} has come back to us',
      body: 'A parcel of your order {orderId} has come back to us. There is nothing that you have to do.',
    },
  },
  returns: {
    'awaiting-goods': {
      subject: 'Please send us the goods of your return {returnId}',
      body: 'Your return {returnId} of order {orderId} is registered. Please send us the goods so that they arrive by {goodsUntil}.',
    },
    inspecting: {
      subject: 'The goods of your return {returnId} have arrived',
      body: 'The goods of your return {returnId} of order {orderId} have arrived. We will look at them and write to you.',
    },
    refunded: {
      subject: 'Your return {returnId} has been accepted',
      body: 'We have accepted your return {returnId} of order {orderId}. What is due to you has been returned to the payment method that you used; your bank may take a few days to show it.',
    },
    refused: {
      subject: 'We could not accept your return {returnId}',
      body: 'We have looked at the goods of your return {returnId} of order {orderId}, and are sorry that we cannot accept them. Please get in touch with us if you do not agree.',
    },
    rejected: {
      subject: 'Your return {returnId} is not possible',
      body: 'We are sorry that we cannot take back what you named in your return {returnId} of order {orderId}. Please do not send us the goods.',
    },
    expired: {
      subject: 'Your return {returnId} has been closed',
      body: 'Your return {returnId} of order {orderId} has been closed without a refund. You may ask for a new one.',
    },
  },
  returnReminder: {
    subject: 'We are waiting for the goods of your return {returnId}',
    body: 'The goods of your return {returnId} of order {orderId} have not reached us yet. Please send them so that they arrive by {goodsUntil}; after that day we can no longer refund them.',
  },
  orderReasons: {
    declined: 'Your payment was declined.',
    amount_too_large: 'The amount is larger than your payment method allows.',
    amount_too_small: 'The amount is smaller than your payment method allows.',
    authentication_required: 'Your bank wanted you to confirm the payment, which was not done.',
    card_not_supported: 'Your card cannot be used for this purchase.',
    card_velocity_exceeded: "Your card's limit has been reached.",
    currency_not_supported: 'Your card cannot be charged in this currency.',
    expired_card: 'Your card has expired.',
    incorrect_cvc: "Your card's security code is not right.",
    incorrect_number: "Your card's number is not right.",
    insufficient_funds: 'There is not enough money in your account.',
    processing_error: 'Your bank could not process the payment.',
    'authorisation-lapsed': 'The approval of your payment expired before we could charge it.',
    'back-order-expired': 'Not all that you ordered has come back into stock in time.',
    'out-of-stock': 'Not all that you ordered is in stock.',
    'parcel-lost': 'The carrier has lost your parcel.',
    'payment-method-missing': 'No payment method was given.',
    'payment-not-completed': 'We have not received your payment in time.',
    'payment-returned': 'It was stopped on our side.',
    'stock-released': 'It was stopped on our side.',
    'workflow-cancelled': 'It was stopped on our side.',
  },
  returnReasons: {
    'already-returned': 'You have asked for a return of these pieces before.',
    'goods-not-received': 'The goods did not arrive in time.',
    'invalid-quantity': 'The number of pieces is not right.',
    'line-cancelled': 'This part of the order was cancelled.',
    'more-than-sold': 'These are more pieces than you ordered.',
    'nothing-to-return': 'No pieces were named.',
    'order-not-delivered': 'The order has not been delivered.',
    'return-closed': 'The return had been closed before.',
    'unknown-line': 'The order has no such line.',
    'unknown-order': 'We do not know this order.',
    'workflow-cancelled': 'It was stopped on our side.',
  },
};
